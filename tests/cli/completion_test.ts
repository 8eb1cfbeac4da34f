import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { optionsOf } from "../../src/cli/command_line/parse.ts";
import { type Choices, longName } from "../../src/cli/command_line/spec.ts";
import { COMMANDS } from "../../src/cli/command_line/table.ts";
import { completionOf } from "../../src/cli/completion/candidates.ts";
import { run } from "../../src/cli/run.ts";
import { SERVICE_NAMES } from "../../src/services/names.ts";
import { parseKeyChoice } from "../../src/store/key_choice.ts";
import { writeServiceFile } from "../../src/store/service_file_changes.ts";
import { FakeContext, TemporaryHome } from "../support/fake_context.ts";
import { descriptionBytes } from "../support/descriptions.ts";

const PROFILES = ["home", "work"];
const ADDED = ["forgejo", "garden"];
const SERVICES = [...SERVICE_NAMES, ...ADDED];

/** The words that the last one could be, or who knows. */
async function wordsFor(...words: string[]): Promise<string[] | string> {
  const found = await completionOf(words, {
    profiles: () => PROFILES,
    services: () => ADDED,
  });
  return typeof found === "string" ? found : found.map(([word]) => word);
}

/** The words for the last word of a line, which is split at single spaces. */
async function wordsAt(line: string): Promise<string[] | string> {
  return await wordsFor(...line.split(" "));
}

/** Each option of each command, and each argument, with its choices. */
const CHOICES: [where: string, value: string, choices: Choices | undefined][] =
  [];
for (const [name, { load }] of Object.entries(COMMANDS)) {
  const command = await load();
  for (const [property, spec] of Object.entries(optionsOf(command))) {
    CHOICES.push([`${name} ${longName(property)}`, spec.value, spec.choices]);
  }
  for (const [at, argument] of (command.arguments ?? []).entries()) {
    const own = command.argumentChoices?.[at];
    CHOICES.push([`${name} <${argument}>`, argument, own]);
  }
}

const OF_WHOAMI = await wordsAt("whoami -");
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

describe("a word is completed", () => {
  const cases: [line: string, words: string[] | string][] = [
    ["store ", ["info", "rekey", "key"]],
    ["--json store re", ["info", "rekey", "key"]],
    ["--url http://a.example store ", ["info", "rekey", "key"]],
    ["help store ", ["info", "rekey", "key"]],
    ["store key ", ["add", "list", "remove"]],
    ["help store key ", ["add", "list", "remove"]],
    ["store key list ", []],
    ["store key frobnicate ", []],
    ["help store info ", []],
    ["help whoami ", []],
    ["frobnicate ", []],
    ["toString ", []],
    ["store frobnicate ", []],
    ["whoami ", []],
    ["whoami surplus ", []],
    ["use ", PROFILES],
    ["use work ", []],
    ["use -- ", PROFILES],
    ["use -- -", PROFILES],
    ["--profile ", PROFILES],
    ["whoami --profile wo", PROFILES],
    ["whoami --profile --", PROFILES],
    ["whoami --profile=", ["--profile=home", "--profile=work"]],
    ["--service ", SERVICES],
    ["whoami --service co", SERVICES],
    ["whoami --service=co", SERVICES.map((name) => `--service=${name}`)],
    ["whoami --service coder --service=", []],
    ["service ", ["add", "list", "show", "remove", "test"]],
    ["service add ", ":files 0"],
    ["service show ", SERVICES],
    ["service test ", SERVICES],
    ["service remove ", ADDED],
    ["service list ", []],
    ["completions ", ["bash", "zsh", "fish"]],
    ["external-auth access-token github -o ", ["text", "json"]],
    ["external-auth access-token -ojs", ["-otext", "-ojson"]],
    ["external-auth access-token -o=js", ["-o=text", "-o=json"]],
    ["external-auth access-token -qoj", ["-qotext", "-qojson"]],
    ["dev-server --metadata aws --metadata ", ["aws", "azure", "google"]],
    ["whoami --token-file ", ":files 0"],
    ["whoami --token-file=se", ":files 13"],
    ["--ca-file=", ":files 10"],
    ["api --input ", ":files 0"],
    ["whoami --url ", []],
    ["whoami --url=h", []],
    ["whoami --url", OF_WHOAMI],
    ["whoami --json=", []],
    ["whoami --frobnicate=", OF_WHOAMI],
    ["api ", []],
    ["api -f ", []],
    ["api /v1/me -X p", METHODS],
    ["exec ", ["--"]],
    ["exec -- ", ":command 2"],
    ["exec --env A -- git -", ":command 4"],
    ["-- ", []],
    ["-- whoami ", []],
  ];
  for (const [line, words] of cases) {
    it(`in '${line}'`, async () => assertEquals(await wordsAt(line), words));
  }

  it("at the start of a line, to each command and group", async () => {
    const firsts = Object.keys(COMMANDS).map((name) =>
      name.split(" ")[0] ?? ""
    );
    for (const line of ["", "--json ", "help "]) {
      assertEquals(await wordsAt(line), [...new Set(firsts)], line);
    }
  });

  it("of no line at all, to the same", async () => {
    assertEquals(await wordsFor(), await wordsAt(""));
  });

  it("and each command says what it is", async () => {
    for (const line of ["", "store "]) {
      const found = await completionOf(line.split(" "), {
        profiles: () => [],
        services: () => [],
      });
      for (const [word, meaning] of found) assert(meaning !== "", word);
    }
  });
});

describe("an option is completed", () => {
  async function optionsAt(line: string): Promise<string[]> {
    const words = await wordsAt(line);
    assert(typeof words !== "string", line);
    return words;
  }

  it("to all of its command, and to those of every command", async () => {
    for (const [name, { load }] of Object.entries(COMMANDS)) {
      const specs = optionsOf(await load());
      const expected = Object.entries(specs).flatMap(([property, { short }]) =>
        short ? [`-${short}`, longName(property)] : [longName(property)]
      );
      const found = await optionsAt(`${name} -`);
      assertEquals(
        found.filter((word) => word !== "--").sort(),
        [...expected, "-h", "--help"].sort(),
        name,
      );
      assertEquals(found.includes("--"), name === "exec");
    }
  });

  it("not twice, however it was spelled, unless it can be given twice", async () => {
    for (const given of ["-q", "--quiet", "-vq"]) {
      const found = await optionsAt(`api ${given} -`);
      assertFalse(found.includes("-q"), given);
      assertFalse(found.includes("--quiet"), given);
      assertEquals(found.includes("-v"), given !== "-vq");
    }
    for (const given of ["--url u", "--url=u"]) {
      assertFalse((await optionsAt(`${given} api --`)).includes("--url"));
    }
    const fields = await optionsAt("api -f a=b --field=c=d --header x=y -");
    for (const again of ["-f", "--field", "--header"]) {
      assert(fields.includes(again), again);
    }
    assertFalse((await optionsAt("api -h -")).includes("--help"));
  });

  it("before the command to those that stand there", async () => {
    const found = await optionsAt("-");
    assert(found.includes("--version") && found.includes("-V"));
    assertFalse(found.includes("--key-source"));
    assertFalse((await optionsAt("store -")).includes("--version"));
    assertEquals(await wordsAt("--auth "), [
      "token",
      "aws-instance-identity",
      "azure-instance-identity",
      "google-instance-identity",
    ]);
  });
});

describe("what a spec completes a value with", () => {
  it("is a path where it takes a file", () => {
    const files = CHOICES.filter(([where]) => where.endsWith("-file"));
    assert(files.length > 10);
    for (const [where, , found] of files) assertEquals(found, "files", where);
  });

  it("is a profile where it takes one", () => {
    const profiles = CHOICES.filter(([where, value]) =>
      where.endsWith(" --profile") || value === "profile"
    );
    assert(profiles.length > 10);
    for (const [where, , found] of profiles) {
      assertEquals(found, "profiles", where);
    }
  });

  it("is a service where it takes one", () => {
    const services = CHOICES.filter(([where]) => where.endsWith(" --service"));
    assert(services.length > 10);
    for (const [where, , found] of services) {
      assertEquals(found, "services", where);
    }
  });

  it("needs no quotes, and nothing that the protocol means otherwise", () => {
    for (const [where, , found] of CHOICES) {
      if (!Array.isArray(found)) continue;
      for (const value of found) {
        assert(/^[A-Za-z0-9][\w.:-]*$/.test(value), `${where} ${value}`);
      }
    }
  });

  it("is what the command takes", () => {
    const of = (end: string): readonly string[] => {
      const found = CHOICES.find(([where]) => where.endsWith(end))?.[2];
      assert(Array.isArray(found) && found.length > 0, end);
      return found;
    };
    for (const value of of(" --key-source")) parseKeyChoice(value);
  });
});

describe("nanoctl __complete", () => {
  async function completed(
    words: string,
    options: { terminals?: boolean; env?: Record<string, string> } = {},
  ): Promise<[code: number, stdout: string, stderr: string]> {
    const context = new FakeContext({ stdin: words, ...options });
    const code = await run(["__complete"], context);
    assertEquals(context.requests, []);
    return [code, context.stdout.text, context.stderr.text];
  }

  it("prints one word a line, and behind a tab what it means", async () => {
    assertEquals(await completed("store\0\0"), [
      0,
      "info\tShow where the credential file is and how it is encrypted.\n" +
      "rekey\tRe-encrypt everything with a new key.\n" +
      "key\tManage the keys of the credential file.\n",
      "",
    ]);
  });

  it("prints what the shell has to find itself", async () => {
    assertEquals(await completed("exec\0--\0\0"), [0, ":command 2\n", ""]);
    assertEquals(await completed("--ca-file\0\0"), [0, ":files 0\n", ""]);
  });

  it("knows the services that were added, if it can read their folder", async () => {
    await using home = await TemporaryHome.make();
    const { env } = home;
    const context = new FakeContext({ env });
    await writeServiceFile(context, "garden", descriptionBytes());
    const words = "service\0remove\0\0";
    assertEquals(await completed(words, { env }), [0, "garden\t\n", ""]);
    const folder = `${env.NANOCTL_CONFIG_DIR}/services`;
    await Deno.remove(folder, { recursive: true });
    await Deno.writeTextFile(folder, "");
    assertEquals(await completed(words, { env }), [0, "", ""]);
  });

  it("takes words of any letters, and ignores one without an end", async () => {
    const words = "--url\0a b\n'\"é\0--header\0=\0store\0in\0cut";
    assertEquals((await completed(words))[1].split("\t")[0], "info");
  });

  it("says nothing on a terminal, where no shell asks", async () => {
    assertEquals(await completed("", { terminals: true }), [0, "", ""]);
  });

  it("is no command that help lists, and takes no arguments", async () => {
    const context = new FakeContext();
    assertEquals(await run(["--help"], context), 0);
    assertFalse(context.stdout.text.includes("__complete"));
    assertEquals(await run(["__complete", "login"], context), 2);
  });
});

describe("nanoctl completions", () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    it(`prints a script for ${shell}, also with --json`, async () => {
      const context = new FakeContext();
      assertEquals(await run(["completions", shell, "--json"], context), 0);
      assert(context.stdout.text.startsWith("#"));
      assert(context.stdout.text.includes("nanoctl __complete"));
      assertEquals(context.stderr.text, "");
    });
  }

  it("refuses another shell, and says which there are", async () => {
    const context = new FakeContext();
    assertEquals(await run(["completions", "tcsh"], context), 2);
    assertEquals(context.stderr.lines, [
      "error: there are no completions for this shell",
      "hint: the shells are: bash, zsh, fish",
    ]);
  });
});
