import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  isCliffyError,
  readByCliffy,
} from "../../../src/cli/command_line/cliffy_tree.ts";
import {
  type CommandLine,
  parse,
} from "../../../src/cli/command_line/parse.ts";
import {
  AGENT_OPTIONS,
  GLOBAL_OPTIONS,
} from "../../../src/cli/command_line/shared_options.ts";
import { COMMANDS, GROUPS } from "../../../src/cli/command_line/table.ts";
import { lines, plain, spelled } from "./lines.ts";

/** A reading that two ways of reading can be compared by. */
interface Reading {
  name: string;
  options: Record<string, unknown>;
  args: string[];
}

async function read(args: string[]): Promise<Reading | undefined> {
  const line = await parse(args);
  if (line.wants !== "run") return undefined;
  const { name, options, args: own } = line;
  return { name, options, args: own };
}

async function readAsCliffy(
  name: string,
  args: string[],
): Promise<Reading | undefined> {
  try {
    return await readByCliffy({ name, args, problem: undefined });
  } catch (error) {
    if (isCliffyError(error)) return undefined;
    throw error;
  }
}

describe("a command line, by the parse and by Cliffy", () => {
  it("is read alike, or refused by both", async () => {
    let readByBoth = 0;
    await fc.assert(
      fc.asyncProperty(await lines(), async (line) => {
        const args = plain(line);
        const reading = await read(args);
        assertEquals(reading, await readAsCliffy(line.name, args));
        if (reading) readByBoth++;
      }),
      { seed: 14, numRuns: 600 },
    );
    // Else the property would hold of a parse that refuses everything.
    if (readByBoth < 200) throw new Error(`only ${readByBoth} lines were read`);
  });

  it("means the same however its options are spelled, and wherever they stand", async () => {
    const early = Object.keys({ ...GLOBAL_OPTIONS, ...AGENT_OPTIONS });
    await fc.assert(
      fc.asyncProperty(await lines(), async (line) => {
        // Values of options that are given repeatedly keep their order.
        const options = line.options.map((option) => ({
          ...option,
          before: option.before && option.spec.kind !== "texts",
        }));
        const respelled = spelled({ ...line, options }, early);
        assertEquals(await read(respelled), await read(plain(line)));
      }),
      { seed: 14, numRuns: 600 },
    );
  });

  it("is refused by both with an option or a command that doesn't exist", async () => {
    for (const name of Object.keys(COMMANDS)) {
      for (const option of ["--frobnicate", "-z", "--toString", "-1"]) {
        const args = [...name.split(" "), option];
        assertEquals(await read(args), undefined, args.join(" "));
        assertEquals(await readAsCliffy(name, args), undefined, args.join(" "));
      }
    }
    for (const args of [["frobnicate"], ["toString"], ["__proto__"]]) {
      assertEquals((await parse(args)).wants, "explanation");
      assertEquals(await readAsCliffy("", args), undefined);
    }
    for (const group of Object.keys(GROUPS)) {
      const args = [group, "frobnicate"];
      assertEquals((await parse(args)).wants, "explanation");
      assertEquals(await readAsCliffy(group, args), undefined);
    }
  });
});

describe("what a command line asks for", () => {
  const asked: [line: string, wants: string, name?: string][] = [
    ["", "help", ""],
    ["--help", "help", ""],
    ["-h", "help", ""],
    ["help", "help", ""],
    ["--json", "help", ""],
    ["--frobnicate --help", "help", ""],
    ["store", "help", "store"],
    ["help store", "help", "store"],
    ["store --json", "help", "store"],
    ["store info -h", "help", "store info"],
    ["help store rekey", "help", "store rekey"],
    ["login --frobnicate --help", "help", "login"],
    ["login surplus --help", "help", "login"],
    ["-qh login", "help", "login"],
    ["api /v1/me -f --help", "run", "api"],
    ["whoami --url --help", "run", "whoami"],
    ["exec -- --help", "run", "exec"],
    ["use -- work", "run", "use"],
    ["--agent-url u --agent-token t external-auth access-token github"].concat(
      "run",
      "external-auth access-token",
    ) as [string, string, string],
    ["--version", "version"],
    ["-V", "version"],
    ["--json --version", "version"],
    ["help frobnicate", "explanation", ""],
    ["store frobnicate --help", "explanation", "store"],
    ["--version whoami", "explanation", "whoami"],
    ["whoami --version", "explanation", "whoami"],
    ["-- whoami", "explanation", ""],
    ["use -- --all", "explanation", "use"],
    ["exec true", "explanation", "exec"],
    ["whoami --agent-url u", "explanation", "whoami"],
    ["--check status", "explanation", "status"],
    ["whoami --json=yes", "explanation", "whoami"],
    ["whoami --t x", "explanation", "whoami"],
    ["whoami ---token x", "explanation", "whoami"],
    ["whoami -=", "explanation", "whoami"],
    ["whoami --json --json", "explanation", "whoami"],
    ["whoami --timeout 1 --timeout 2", "explanation", "whoami"],
    ["whoami --token-file --token=x", "explanation", "whoami"],
  ];
  for (const [line, wants, name] of asked) {
    it(`is ${wants} ${name ?? ""} by ${line || "nothing"}`, async () => {
      const found: CommandLine = await parse(
        line === "" ? [] : line.split(" "),
      );
      assertEquals(found.wants, wants);
      if (name !== undefined) assertEquals("name" in found && found.name, name);
    });
  }

  const empty: string[][] = [
    ["whoami", "--url", ""],
    ["whoami", "--url="],
    ["--url=", "whoami"],
    ["whoami", "-t", ""],
    ["whoami", "-t="],
    ["whoami", "--json="],
  ];
  for (const args of empty) {
    it(`is an explanation for the empty value in ${JSON.stringify(args)}`, async () => {
      const line = await parse(args);
      const problem = line.wants === "explanation" ? line.problem : undefined;
      assertEquals(problem?.startsWith("Missing value for option"), true);
    });
  }

  it("is a command with its options and arguments", async () => {
    const args = [
      ..."-qvt a=b --url=https://a.example api".split(" "),
      ..."/v1/things -fa=b -f c=d -XPUT --timeout 5 -i".split(" "),
    ];
    assertEquals(await read(args), {
      name: "api",
      options: {
        quiet: true,
        verbose: true,
        token: "a=b",
        url: "https://a.example",
        field: ["a=b", "c=d"],
        method: "PUT",
        timeout: 5,
        include: true,
      },
      args: ["/v1/things"],
    });
  });
});
