import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Result, run, type RunOptions } from "./nanoctl.ts";

/** A check in what `doctor --json` prints. */
export interface SeenCheck {
  name: string;
  result: "ok" | "warning" | "failed" | "skipped";
  message: string;
  remedy: string | null;
}

/** A run of `doctor --json`. */
export interface Diagnosis extends Result {
  /** The checks by name. */
  checks: Record<string, SeenCheck>;
}

/** Runs `doctor --json`, and checks the form of what it prints. */
export async function diagnose(
  options: RunOptions,
  ...args: string[]
): Promise<Diagnosis> {
  const result = await run(["doctor", "--json", ...args], options);
  assertMatch(result.stdout, /^\{"checks":\[.*\]\}\n$/, result.stderr);
  const { checks }: { checks: SeenCheck[] } = JSON.parse(result.stdout);
  for (const check of checks) {
    assertEquals(Object.keys(check), ["name", "result", "message", "remedy"]);
  }
  const isFailure = checks.some(({ result }) => result === "failed");
  assertEquals(result.code !== 0, isFailure, result.stdout);
  return {
    ...result,
    checks: Object.fromEntries(checks.map((check) => [check.name, check])),
  };
}

/** What is expected of one check. */
export interface Expected {
  result: SeenCheck["result"];
  message: RegExp;
  /** Undefined if there is none. */
  remedy?: RegExp;
  /** Of a failure that is the first one: the code of the error, and its exit code. */
  error?: [code: string, exit: number];
}

/** Checks what one check found, and the error of the run if that is its failure. Gives its remedy. */
export function assertFinds(
  { checks, code, stderr }: Diagnosis,
  name: string,
  { result, message, remedy, error }: Expected,
): string {
  const check = checks[name];
  assert(check, `no check ${name}`);
  assertEquals(check.result, result, JSON.stringify(check));
  assertMatch(check.message, message);
  if (remedy) assertMatch(check.remedy ?? "there is no remedy", remedy);
  else assertEquals(check.remedy, null);
  if (error) {
    const said: { error: { code: string; message: string } } = JSON.parse(
      stderr,
    );
    assertEquals([said.error.code, code], error);
    assertMatch(said.error.message, new RegExp(`failed: ${name}\\b`));
  }
  return check.remedy ?? "";
}

/** Checks which checks found something else than that all is well. */
export function assertNotWell(
  { checks }: Diagnosis,
  expected: Record<string, SeenCheck["result"]>,
): void {
  const found = Object.values(checks).filter(({ result }) => result !== "ok")
    .map(({ name, result }) => [name, result]);
  assertEquals(
    Object.fromEntries(found),
    expected,
    JSON.stringify(checks, null, 1),
  );
}
