import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EXPLANATIONS } from "../../src/cli/explanations.ts";
import { Output } from "../../src/cli/output.ts";
import { run } from "../../src/cli/run.ts";
import { type ErrorCode, EXIT_CODES, NanoctlError } from "../../src/errors.ts";
import { FakeContext } from "../support/fake_context.ts";

const CODES = Object.keys(EXIT_CODES) as ErrorCode[];

describe("nanoctl explain", () => {
  for (const code of CODES) {
    it(`says what ${code} means and what helps, within 80 columns`, async () => {
      const context = new FakeContext();
      assertEquals(await run(["explain", code], context), 0);
      const [first, ...lines] = context.stdout.lines;
      assertEquals(first, `${code} (exit code ${EXIT_CODES[code]})`);
      const text = lines.join("\n");
      assertMatch(text, /^[A-Z][^\n]+(\n[^\n]+)*\n\n- /);
      for (const line of lines) assert(line.length <= 80, line);
      const { meaning, remedies } = EXPLANATIONS[code];
      assertEquals(
        text.replace(/\n(?!- )\s*/g, " ").split(/ ?\n- | (?=- )/)
          .map((part) => part.replace(/^- /, "").trim()),
        [meaning, ...remedies],
      );
    });
  }

  it("explains every code of an exit code", async () => {
    const context = new FakeContext();
    assertEquals(await run(["explain", "7"], context), 0);
    assertEquals(
      context.stdout.lines.filter((line) => line.endsWith("(exit code 7)")),
      CODES.filter((code) => EXIT_CODES[code] === 7)
        .map((code) => `${code} (exit code 7)`),
    );
  });

  it("lists all codes without one", async () => {
    const context = new FakeContext();
    assertEquals(await run(["explain"], context), 0);
    assertEquals(
      context.stdout.lines,
      CODES.map((code) => `${EXIT_CODES[code]}\t${code}`),
    );
  });

  it("is an object with --json, and a list where there may be several", async () => {
    const of = async (...args: string[]): Promise<unknown> => {
      const context = new FakeContext();
      assertEquals(await run(["explain", "--json", ...args], context), 0);
      return JSON.parse(context.stdout.text);
    };
    const value = {
      code: "not_logged_in",
      exit_code: 3,
      ...EXPLANATIONS.not_logged_in,
    };
    assertEquals(await of("not_logged_in"), value);
    assertEquals(await of("3"), [value]);
    const all = await of();
    assert(Array.isArray(all));
    assertEquals(all.length, CODES.length);
  });

  it("refuses what is no code, and proposes the one that is meant", async () => {
    const refused: [code: string, hint: string][] = [
      ["file_kye", "did you mean file_key?"],
      ["99", "'nanoctl explain' lists all codes"],
      ["constructor", "'nanoctl explain' lists all codes"],
    ];
    for (const [code, hint] of refused) {
      const context = new FakeContext();
      assertEquals(await run(["explain", code], context), 2);
      assertEquals(context.stderr.lines, [
        `error: there is no error code ${code}`,
        `hint: ${hint}`,
      ]);
    }
  });
});

describe("an error without a hint", () => {
  async function shown(error: NanoctlError, json = false): Promise<string[]> {
    const context = new FakeContext();
    await new Output(context, { json }).error(error);
    return context.stderr.lines;
  }

  it("names the command that explains its code", async () => {
    assertEquals(await shown(new NanoctlError("network_tls", "no")), [
      "error: no",
      "hint: run 'nanoctl explain network_tls' to see what helps",
    ]);
  });

  it("has nothing to add where the message says all, or a script reads the code", async () => {
    for (const code of ["failed", "usage", "interrupted"] as const) {
      assertEquals(await shown(new NanoctlError(code, "no")), ["error: no"]);
    }
    assertEquals(await shown(new NanoctlError("network_tls", "no"), true), [
      '{"error":{"code":"network_tls","message":"no"}}',
    ]);
  });
});
