import { describeNeeding } from "./needs.ts";
import { BINARY, type Home, shellQuote, until } from "./nanoctl.ts";
import { PATH, programs } from "./store_files.ts";
import { Terminal } from "./terminal.ts";

/** A shell that completes command lines. */
export type ShellName = "bash" | "zsh" | "fish";

/** How to start each without anybody's settings, so that it reads this file first. */
const STARTS: Record<ShellName, (file: string) => string> = {
  bash: (file) => `bash --noprofile --rcfile ${file} -i`,
  // It has no option for a file: ZDOTDIR names the folder of its .zshrc.
  zsh: () => "zsh -d -i",
  fish: (file) => `fish --no-config -C 'source ${file}'`,
};

/** What the file says: `show` prints the words of a line as the shell reads them. */
const SETTINGS: Record<ShellName, string> = {
  bash: `show() { printf '<%s>' "$@"; echo '<end>'; }
bind 'set enable-bracketed-paste off'
eval "$(nanoctl completions bash)"
PS1='ready> '`,
  zsh: `show() { printf '<%s>' "$@"; echo '<end>'; }
autoload -U compinit && compinit -D
eval "$(nanoctl completions zsh)"
PS1='ready> '`,
  fish: `function show; printf '<%s>' $argv; echo '<end>'; end
function fish_prompt; printf 'ready> '; end
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
nanoctl completions fish | source`,
};

/** Keys that all three shells know. */
const TAB = "\t";
const LEFT = "\x02";
const LINE_START = "\x01";
const NO_LINE = "\x15";

/**
 * A suite for one shell. Without the shell it is skipped, and says so in its name;
 * in CI it fails.
 */
export function describeWithShell(name: ShellName, fn: () => void): void {
  describeNeeding(programs(name, "script")(), `in ${name}, a tab`, fn);
}

/** What a shell's PATH and its working folder hold. */
export class Playground {
  /** The variables with which it finds nanoctl. */
  readonly env: Record<string, string>;

  constructor(readonly home: Home) {
    for (const folder of ["bin", "files", "files/folder"]) {
      Deno.mkdirSync(home.at(folder));
    }
    for (
      const name of [
        "plain.txt",
        "two words.txt",
        "it's:odd.pem",
        "folder/inner.pem",
      ]
    ) {
      Deno.writeTextFileSync(home.at(`files/${name}`), "");
    }
    // Says how it is called before it is itself.
    this.#program(
      "bin/nanoctl",
      `printf '%s\\n' "$*" >> "$HOME/calls"\nexec ${shellQuote(BINARY)} "$@"`,
    );
    this.#program("bin/frobnicator", "exit 0");
    this.#program("files/nanoctl", '> "$HOME/harm"');
    this.env = {
      PATH: `${home.at("bin")}:${PATH}`,
      TERM: "dumb",
      LANG: "C.UTF-8",
      ZDOTDIR: home.path,
    };
  }

  /** How nanoctl was called, one line each. */
  get calls(): string[] {
    return Deno.readTextFileSync(this.home.at("calls")).trim().split("\n");
  }

  /** Whether something was run that nobody wanted to run. */
  get isHarmed(): boolean {
    return this.home.entries().some((path) => path.endsWith("harm"));
  }

  #program(path: string, script: string): void {
    Deno.writeTextFileSync(this.home.at(path), `#!/bin/sh\n${script}\n`, {
      mode: 0o755,
    });
  }
}

/** An interactive shell on a terminal, in the folder `files` of a playground. */
export class Shell {
  readonly #terminal: Terminal;

  private constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Starts it; resolves when it waits for a command line. */
  static async start(
    name: ShellName,
    { home, env }: Playground,
  ): Promise<Shell> {
    const file = home.at(".zshrc");
    Deno.writeTextFileSync(
      file,
      `${SETTINGS[name]}\ncd ${shellQuote(home.at("files"))}\n`,
    );
    const shell = STARTS[name](file);
    const terminal = new Terminal([], { home, env, shell });
    // `until` limits each wait.
    terminal.keepRunning();
    await until(
      () => terminal.transcript.includes("ready> "),
      `${name} starts`,
    );
    return new Shell(terminal);
  }

  /** The words of a line as the shell reads it, once Tab was pressed this many characters before its end. */
  async words(line: string, back = 0): Promise<string[]> {
    const start = this.#terminal.transcript.length;
    await this.#terminal.type(
      `${line}${LEFT.repeat(back)}${TAB}${LINE_START}show \r`,
    );
    const shown = (): string | undefined =>
      /<([^\n]*)><end>/.exec(this.#terminal.transcript.slice(start))?.[1];
    await until(() => shown() !== undefined, `the words of ${line}`);
    return (shown() ?? "").split("><");
  }

  /** Waits until the shell has shown a text once Tab was pressed behind a line, and discards the line. */
  async shows(line: string, text: string): Promise<void> {
    const start = this.#terminal.transcript.length;
    await this.#terminal.type(`${line}${TAB}`);
    await until(
      () => this.#terminal.transcript.slice(start).includes(text),
      `${text} behind ${line}`,
    );
    await this.#terminal.type(NO_LINE);
  }

  /** All that it has shown. */
  get screen(): string {
    return this.#terminal.transcript;
  }

  /** Ends it, and waits until it has written its history. */
  async end(): Promise<void> {
    await this.#terminal.type(`${NO_LINE}exit\r`);
    await this.#terminal.end();
  }
}
