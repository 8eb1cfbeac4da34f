import type { Need } from "./store_files.ts";

/** What a person at a terminal does once a text is there: behind another one, if given. */
export type Answer = readonly [
  prompt: string,
  deed:
    | "token"
    | "coder token"
    | "garden token"
    | "passphrase"
    | "approve"
    | "Enter"
    | "Ctrl-C",
  behind?: string,
];

/** How an example is run, and what comes of it. Without anything, bash runs it and ends with 0. */
export interface Way {
  /** The shell, if not bash. */
  shell?: "zsh" | "fish";
  /** Lines that the shell runs first: what a reader has by then. */
  before?: string;
  /** Lines that it runs afterwards, and that show the effect. */
  after?: string;
  /** It is run on a terminal, where a person gives these answers. */
  answers?: readonly Answer[];
  /** The exit code, if not 0. */
  code?: number;
  /** What its output matches, with that of the lines before and after it. */
  shows?: RegExp;
  /** What its requests to the documented hosts match, each one of them. */
  sends?: readonly RegExp[];
  /** The file that the block is the content of; a program's path is absolute. `after` uses it, or a later block. */
  saves?: string;
  /** What it takes that no name of a program in it says. */
  needs?: Need;
  /** The block is for several shells: how each of its lines is run. */
  lines?: readonly Way[];
}

/** An example that another test reads, at this path. */
export interface Elsewhere {
  elsewhere: string;
}

/** An example that no test can run, and why. */
export interface Impossible {
  impossible: string;
}

/** What becomes of an example. */
export type Entry = Way | Elsewhere | Impossible;

/** What becomes of examples, by their page and first line. A command that is missing here is run, and has to end with 0. */
export type ExampleTable<E extends Entry = Entry> = Readonly<
  Record<string, Readonly<Record<string, E>>>
>;

/** Debian's Python with this module. */
export function pythonWith(module: string): Need {
  return () => {
    return hasModule(module) ? undefined : `python3 has no ${module}`;
  };
}

function hasModule(name: string): boolean {
  try {
    return new Deno.Command("/usr/bin/python3", {
      args: ["-c", `import ${name}`],
      stderr: "null",
    }).outputSync().success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** Somebody is asked for a token, and types one. */
export const TYPES_TOKEN: readonly Answer[] = [
  ["Token ", "token", "paste it here."],
];

/** Somebody has a description of a garden, and types a token of it. */
export const LOGS_IN_TO_GARDEN: Way = {
  before: "cp described/garden.json garden.json",
  answers: [["Token ", "garden token", "paste it here."]],
  shows: /ok +token +[^]*Welcome, ada\./,
};

/** The garden was added. */
export const ADDED = "nanoctl service add garden.json";

/** What `login --device` says once there is a code to approve. */
export const CODE_IS_VALID = "The code is valid for 10 minutes.";

/** Where other people's clients ask, as a regular expression. */
export const THINGS = "https://nano\\.example\\.com/v1/things";

/** How zsh takes completions, and shows that it did. */
export const IN_ZSH: Way = {
  shell: "zsh",
  before: "autoload -U compinit && compinit -D",
  after: 'echo "by ${_comps[nanoctl]}"',
  shows: /^by \S*nanoctl/m,
};

/** How bash shows that it took them. */
export const IN_BASH: Way = {
  after: "complete -p nanoctl",
  shows: /nanoctl$/m,
};

/** Stores the login of a registry as docker does. */
export const DOCKER_STORES =
  `nanoctl credential docker store <<< '{"ServerURL":"ghcr.io","Username":"grace","Secret":"abc"}'`;

/** Somebody thinks of a passphrase, and types it. */
export const NEW_PASSPHRASE: readonly Answer[] = [
  ["New passphrase", "passphrase"],
  ["The same again", "passphrase"],
];

/** A program is a key command: alone it opens a new file, which no key of nanoctl's does. */
export function keepsTheKey(name: string): Way {
  return {
    saves: `/usr/local/bin/${name}`,
    after: opensAlone(name),
    shows: OPENS_ALONE,
  };
}

/** Lines that have a program keep the key of a new file, and open that. */
export function opensAlone(name: string): string {
  return `export NANOCTL_CONFIG_DIR="$HOME/new-$RANDOM/config"
nanoctl login --token-file token.txt --save --key-source command:${name}
nanoctl token
nanoctl store key list --check --json`;
}

/** What they show. */
export const OPENS_ALONE: RegExp =
  /^nano_\w+\n{"keys":\[{[^}]*"source":"command"[^}]*"opens":true[^}]*}\]}$/m;

/** Starts the embedded service as another one, at the second port of the documents. */
export function startsAs(service: string): string {
  return `rm -f other.json
nanoctl dev-server --as ${service} --port 7081 --json > other.json &
until test -s other.json; do sleep 0.05; done
`;
}
