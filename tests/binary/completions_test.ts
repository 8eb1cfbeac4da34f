import { assert, assertEquals, assertFalse } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { BINARY, Child, Home, run } from "../support/nanoctl.ts";
import {
  describeWithShell,
  Playground,
  Shell,
  type ShellName,
} from "../support/shells.ts";
import {
  itWith,
  makeStore,
  PATH,
  programs,
  someToken,
  writeCredentials,
} from "../support/store_files.ts";

const PROFILES = ["home", "other.one", "work"];

/** A home with these profiles, and with what a shell finds on its PATH. */
async function playground(): Promise<Playground> {
  const home = new Home();
  const tokens = PROFILES.map((name) =>
    [name, { token: someToken() }] as const
  );
  await makeStore(home, new Map(tokens), "work");
  return new Playground(home);
}

/** Lines up to the cursor, and the words that they have after Tab, in every shell. */
const LINES: [line: string, ...words: string[]][] = [
  ["nanoctl logi", "login"],
  ["nanoctl --quiet exter", "--quiet", "external-auth"],
  ["nanoctl store re", "store", "rekey"],
  ['nanoctl "store" re', "store", "rekey"],
  ["nanoctl help store re", "help", "store", "rekey"],
  ["nanoctl frobnicate lo", "frobnicate", "lo"],
  // Options, each only once.
  ["nanoctl whoami --insec", "whoami", "--insecure-http"],
  ["nanoctl --insec", "--insecure-http"],
  ["nanoctl --json --js", "--json", "--js"],
  ["nanoctl store rekey --key", "store", "rekey", "--key-source"],
  // Values, apart and joined, with a colon, in quotes.
  ["nanoctl use wo", "use", "work"],
  ["nanoctl --profile oth", "--profile", "other.one"],
  ["nanoctl whoami --profile=oth", "whoami", "--profile=other.one"],
  ['nanoctl use "wo', "use", "work"],
  ["nanoctl use 'oth", "use", "other.one"],
  ['nanoctl "--profile=oth', "--profile=other.one"],
  ['nanoctl --profile="oth', "--profile=other.one"],
  ["nanoctl --service co", "--service", "coder"],
  ["nanoctl --service=co", "--service=coder"],
  ["nanoctl --auth=az", "--auth=azure-instance-identity"],
  ["nanoctl login --key-source keyf", "login", "--key-source", "keyfile"],
  [
    "nanoctl login --key-source helper:pa",
    ...["login", "--key-source", "helper:pass"],
  ],
  ["nanoctl login --key-source=helper:pa", "login", "--key-source=helper:pass"],
  [
    'nanoctl login --key-source "helper:pa',
    ...["login", "--key-source", "helper:pass"],
  ],
  [
    "nanoctl external-auth access-token -oj",
    ...["external-auth", "access-token", "-ojson"],
  ],
  ["nanoctl api -X OP", "api", "-X", "OPTIONS"],
  [
    "nanoctl external-auth access-token gith",
    ...["external-auth", "access-token", "github"],
  ],
  ["nanoctl completions zs", "completions", "zsh"],
  // Behind words with spaces, colons and quotes.
  [
    `nanoctl --url http://a:7080/x --header "x=a b" --token 'a"b' who`,
    ...["--url", "http://a:7080/x", "--header", "x=a b", "--token", 'a"b'],
    "whoami",
  ],
  [
    "nanoctl --url=http://a:7080/x --header=x=a\\ b us",
    ...["--url=http://a:7080/x", "--header=x=a b", "use"],
  ],
  // Nothing where the value is free.
  ["nanoctl --url pla", "--url", "pla"],
  ["nanoctl --url=pla", "--url=pla"],
  ["nanoctl whoami pla", "whoami", "pla"],
  ["nanoctl api pla", "api", "pla"],
  // Files.
  ["nanoctl --token-file pla", "--token-file", "plain.txt"],
  ["nanoctl --token-file=pla", "--token-file=plain.txt"],
  ["nanoctl --token-file two", "--token-file", "two words.txt"],
  ['nanoctl --token-file "two', "--token-file", "two words.txt"],
  ["nanoctl --token-file=two", "--token-file=two words.txt"],
  ["nanoctl --ca-file=it", "--ca-file=it's:odd.pem"],
  ["nanoctl --ca-file folder/in", "--ca-file", "folder/inner.pem"],
  // Behind the hyphens of exec.
  ["nanoctl exec -- frobn", "exec", "--", "frobnicator"],
  ["nanoctl --quiet exec -- frobn", "--quiet", "exec", "--", "frobnicator"],
  ["nanoctl exec -- cat pla", "exec", "--", "cat", "plain.txt"],
  ["nanoctl exec -- cat two", "exec", "--", "cat", "two words.txt"],
  ["nanoctl exec -- frobnicator --insec", "exec", "--", "frobnicator"].concat(
    "--insec",
  ) as [string, ...string[]],
  ["nanoctl use -- wo", "use", "--", "work"],
];

/** Tests that all shells have in common. */
function testsOf(name: ShellName): void {
  let place: Playground;
  let shell: Shell;
  beforeAll(async () => {
    place = await playground();
    shell = await Shell.start(name, place);
  });
  afterAll(async () => {
    await shell?.end();
    place?.home[Symbol.dispose]();
  });

  for (const [line, ...words] of LINES) {
    it(`behind '${line}' makes it ${words.join(" ")}`, async () =>
      assertEquals(await shell.words(line), ["nanoctl", ...words]));
  }

  it("looks at what stands before the cursor alone", async () => {
    assertEquals(
      await shell.words("nanoctl store re --json --profile x", 19),
      ["nanoctl", "store", "rekey", "--json", "--profile", "x"],
    );
    // The option behind the cursor was not given yet.
    assertEquals(
      (await shell.words("nanoctl --insec whoami --url x", 15)).slice(0, 2),
      ["nanoctl", "--insecure-http"],
    );
  });

  it("completes a file behind a redirection", async () => {
    await shell.shows("nanoctl login --token-stdin < pla", "plain.txt");
    await shell.shows("nanoctl whoami 2> pla", "plain.txt");
  });

  it("evaluates nothing of the line", async () => {
    const substitution = name === "fish" ? "(touch harm)" : "$(touch harm)";
    await shell.shows(`nanoctl --token ${substitution} whoa`, "whoami");
    assertEquals(await shell.words("nanoctl logi"), ["nanoctl", "login"]);
    assertFalse(place.isHarmed);
  });

  it("runs the nanoctl of PATH, not one in the working folder", async () => {
    assertEquals(await shell.words("./nanoctl logi"), ["./nanoctl", "login"]);
    assertFalse(place.isHarmed);
  });

  it("does not get a token on the line into the process list", async () => {
    const line = `nanoctl --token ${someToken()} whoa`;
    assertEquals((await shell.words(line)).at(-1), "whoami");
    assertEquals(
      [...new Set(place.calls)].sort(),
      ["__complete", `completions ${name}`],
    );
  });

  it("says nothing where nanoctl is not on the PATH any more", async () => {
    const [path, away] = ["bin/nanoctl", "away"].map((to) => place.home.at(to));
    assert(path && away);
    Deno.renameSync(path, away);
    try {
      const before = shell.screen.length;
      assertEquals(await shell.words("nanoctl logi"), ["nanoctl", "logi"]);
      const said = shell.screen.slice(before);
      assertFalse(/not found|unknown command|no such file/i.test(said), said);
    } finally {
      Deno.renameSync(away, path);
    }
  });

  it("knows a profile as soon as it is stored, and none of a broken file", async () => {
    const tokens = new Map([["brandnew", { token: someToken() }]]);
    await makeStore(place.home, tokens, "brandnew");
    assertEquals(await shell.words("nanoctl use bran"), [
      ...["nanoctl", "use", "brandnew"],
    ]);
    writeCredentials(place.home, "{");
    assertEquals(await shell.words("nanoctl use bran"), [
      ...["nanoctl", "use", "bran"],
    ]);
  });
}

describeWithShell("bash", () => {
  testsOf("bash");

  /** What a script prints after it has read ours. */
  async function printed(script: string): Promise<string> {
    using home = new Home();
    const { env } = new Playground(home);
    const { stdout, stderr } = await new Child("bash", [
      ...["--norc", "--noprofile", "-c"],
      `eval "$(nanoctl completions bash)"\n${script}`,
    ], { env, home }).end();
    assertEquals(stderr, "");
    return stdout;
  }

  it("is for nanoctl alone", async () => {
    assertEquals(
      await printed("complete -p"),
      "complete -F _nanoctl nanoctl\n",
    );
  });

  it("behind the hyphens of exec asks bash-completion, where it is loaded", async () => {
    assertEquals(
      await printed(
        `_command_offset() { echo "\${COMP_WORDS[$1]}"; }
COMP_WORDS=(nanoctl --url http : //a exec -- git che)
COMP_LINE="nanoctl --url http://a exec -- git che"
COMP_CWORD=8 COMP_POINT=\${#COMP_LINE}
_nanoctl nanoctl che git`,
      ),
      "git\n",
    );
  });

  itWith(
    [programs("shellcheck")],
    "runs a script that ShellCheck has no complaint about",
    async () => {
      const { stdout } = await run(["completions", "bash"]);
      const checked = await new Child("shellcheck", ["--shell=bash", "-"], {
        env: { PATH },
        stdin: stdout,
      }).end();
      assertEquals([checked.code, checked.stdout], [0, ""]);
    },
  );
});

describeWithShell("zsh", () => {
  testsOf("zsh");

  it("lists what can follow, with what it means", async () => {
    using home = new Home();
    const shell = await Shell.start("zsh", new Playground(home));
    await shell.shows(
      "nanoctl log",
      "-- Log in, with a token or another way.",
    );
    await shell.shows("nanoctl --quie", "quiet");
    await shell.end();
  });

  it("works from a file of fpath as well", async () => {
    using home = new Home();
    const { env } = new Playground(home);
    const { code, stdout, stderr } = await new Child("zsh", [
      ...["-f", "-c"],
      `nanoctl completions zsh > $HOME/_nanoctl
fpath=($HOME $fpath)
autoload -U compinit && compinit -D
echo $_comps[nanoctl]
_describe() { print -l \${(P)4} }
words=(nanoctl store re) CURRENT=3 PREFIX=re
_nanoctl`,
    ], { env, home }).end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.split("\n").slice(0, 2), [
      "_nanoctl",
      "info:Show where the credential file is and how it is encrypted.",
    ]);
  });
});

describeWithShell("fish", () => {
  testsOf("fish");

  it("lists what can follow, with what it means", async () => {
    using home = new Home();
    const { env } = new Playground(home);
    const { code, stdout, stderr } = await new Child("fish", [
      ...["--no-config", "-c"],
      `nanoctl completions fish | source; complete -C "nanoctl lo"`,
    ], { env, home }).end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.trimEnd().split("\n"), [
      "login\tLog in, with a token or another way.",
      "logout\tDelete the stored token of a profile.",
    ]);
  });
});

describe("nanoctl __complete", () => {
  it("needs no key, and asks for no passphrase", async () => {
    using home = new Home();
    await makeStore(home, new Map([["work", { token: someToken() }]]), "work");
    Deno.removeSync(home.at(".local"), { recursive: true });
    assertEquals(await run(["__complete"], { home, stdin: "use\0\0" }), {
      code: 0,
      stdout: "work\t\n",
      stderr: "",
    });
  });

  itWith([programs("strace")], "opens no connection", async () => {
    const { home } = await playground();
    using _home = home;
    const log = home.at("log");
    const lines = ["external-auth\0access-token\0\0", "--url\0http://a\0u\0"];
    for (const stdin of lines) {
      const { code, stdout } = await new Child("strace", [
        ...["--follow-forks", "--trace=socket,connect,execve"],
        ...[`--output=${log}`, BINARY, "__complete"],
      ], { home, env: { PATH }, stdin }).end();
      assertEquals(code, 0);
      assert(stdout !== "");
      const trace = Deno.readTextFileSync(log);
      assert(trace.includes("execve("), trace);
      assertFalse(/AF_INET|connect\(/.test(trace), trace);
    }
  });
});
