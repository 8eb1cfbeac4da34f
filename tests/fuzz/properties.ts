import { assert, assertEquals, assertFalse } from "@std/assert";
import { run } from "../../src/cli/run.ts";
import { EXIT_CODES, NanoctlError } from "../../src/errors.ts";
import {
  FakeContext,
  type FakeContextOptions,
} from "../support/fake_context.ts";

/** Begins every secret that is planted: wherever it is read, something leaked. */
export const MARK = "nano_PLANTED";

/** What a run of a command line left. */
export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
  context: FakeContext;
}

/** Runs a command line in this process and checks what holds for each. */
export async function ranSafely(
  args: string[],
  options: FakeContextOptions | FakeContext,
): Promise<Ran> {
  const context = options instanceof FakeContext
    ? options
    : new FakeContext(options);
  const exitCode = await run(args, context);
  const ran = {
    exitCode,
    stdout: context.stdout.text,
    stderr: context.stderr.text,
    context,
  };
  assertSafe(ran, args);
  return ran;
}

/** What holds for every run of every command line. */
export function assertSafe({ exitCode, stderr }: Ran, args: string[]): void {
  const said = `${JSON.stringify(args)} said ${JSON.stringify(stderr)}`;
  assert(
    exitCode === 0 ||
      Object.values(EXIT_CODES).includes(exitCode as never),
    `${exitCode} is no exit code: ${said}`,
  );
  assertFalse(stderr.includes("inside nanoctl"), `crashed: ${said}`);
  assertPlain(stderr, said);
  assertFalse(stderr.includes(MARK), `a secret on stderr: ${said}`);
  if (exitCode !== 0) {
    assert(
      /^(error: |\{"error":\{)/m.test(stderr),
      `no error was said: ${said}`,
    );
  }
}

/** No stack trace, and nothing that a terminal would obey. */
export function assertPlain(text: string, said = text): void {
  assertFalse(/\n\s+at .*:\d+:\d+/.test(text), `a stack trace: ${said}`);
  assertFalse(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/
      .test(text),
    `a control character: ${said}`,
  );
}

/** What a call gave, or undefined where it threw one of these codes of ours, and no secret with it. */
export function valueOf<T>(
  work: () => T,
  ...codes: (keyof typeof EXIT_CODES)[]
): T | undefined {
  try {
    return work();
  } catch (error) {
    assertOurs(error, ...codes);
    return undefined;
  }
}

/** The same of something asynchronous. */
export async function settledValue<T>(
  work: () => Promise<T>,
  ...codes: (keyof typeof EXIT_CODES)[]
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    assertOurs(error, ...codes);
    return undefined;
  }
}

function assertOurs(
  error: unknown,
  ...codes: (keyof typeof EXIT_CODES)[]
): void {
  if (!(error instanceof NanoctlError)) throw error;
  assert(codes.includes(error.code), `threw ${error.code}: ${error.message}`);
  assertFalse(
    `${error.message} ${error.hint}`.includes(MARK),
    `a secret in an error: ${error.message}`,
  );
  assertEquals(
    Object.keys(error).sort().join(),
    "code,hint,name",
    "an error holds nothing else",
  );
}
