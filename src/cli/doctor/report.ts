import { type ErrorCode, NanoctlError } from "../../errors.ts";
import { withoutSecrets } from "../../secret.ts";
import type { Context } from "../../process/context.ts";
import { type Output, plainText } from "../output.ts";
import { wrap } from "../wrap.ts";
import type { Finding } from "./finding.ts";

/** What a check of this name found. */
interface NamedFinding {
  name: string;
  finding: Finding;
}

/** The width of a line on a terminal, in characters. */
const WIDTH = 80;
/** The widths of the columns with the result and with the check's name. */
const COLUMNS = [9, 14] as const;
const INDENT = COLUMNS[0] + COLUMNS[1];

/**
 * Prints what checks find: as text one after the other, as JSON all at once.
 *
 * Throws an error with the code of the first check that failed, and what they throw.
 */
export async function reportFindings(
  { stdout }: Pick<Context, "stdout">,
  output: Output,
  checks: AsyncIterable<NamedFinding>,
): Promise<void> {
  const findings: NamedFinding[] = [];
  for await (const finding of checks) {
    findings.push(finding);
    if (output.json) continue;
    await output.data(findingText(finding, stdout.isTerminal));
  }
  if (output.json) await output.dataJson(findingsJson(findings));
  const failure = failureOf(findings);
  if (failure) throw failure;
  await output.say(verdict(findings));
}

/**
 * A finding as text: a line with its result, the check and the message, and one
 * with its remedy. On a terminal, long ones go on below themselves.
 */
export function findingText(
  { name, finding }: NamedFinding,
  isTerminal: boolean,
): string {
  const remedy = remedyOf(finding);
  const rows = [
    [finding.result, name, finding.message],
    ...remedy === null ? [] : [["", "remedy", remedy]],
  ];
  return rows.map(([result = "", label = "", text = ""]) => {
    const head = result.padEnd(COLUMNS[0]) + label.padEnd(COLUMNS[1]);
    return head + fitted(shown(text), isTerminal);
  }).join("\n");
}

/** All findings, as `doctor --json` prints them. */
function findingsJson(findings: NamedFinding[]): unknown {
  return {
    checks: findings.map(({ name, finding }) => {
      const remedy = remedyOf(finding);
      return {
        name,
        result: finding.result,
        message: shown(finding.message),
        remedy: remedy === null ? null : shown(remedy),
      };
    }),
  };
}

/** The error that `doctor` ends with: that of the first check that failed. Undefined if none did. */
function failureOf(findings: NamedFinding[]): NanoctlError | undefined {
  const names: string[] = [];
  let code: ErrorCode | undefined;
  for (const { name, finding } of findings) {
    if (finding.result !== "failed") continue;
    names.push(name);
    code ??= finding.code;
  }
  if (code === undefined) return undefined;
  return new NanoctlError(
    code,
    `${names.length} of ${findings.length} checks failed: ${names.join(", ")}`,
  );
}

/** What all findings come to, if none of them is a failure. */
export function verdict(findings: NamedFinding[]): string {
  const count = (wanted: string): number =>
    findings.filter(({ finding }) => finding.result === wanted).length;
  const [warnings, skipped] = [count("warning"), count("skipped")];
  const limit = skipped === 0
    ? ""
    : `, as far as it was checked (${skipped} skipped)`;
  const besides = warnings === 0
    ? ""
    : `; see the ${warnings === 1 ? "warning" : `${warnings} warnings`}`;
  return `All is well${limit}${besides}.`;
}

function remedyOf(finding: NamedFinding["finding"]): string | null {
  return finding.result === "ok" ? null : finding.remedy ?? null;
}

function shown(text: string): string {
  return withoutSecrets(plainText(text));
}

/** The text in the last column. What can be pasted into a shell stays in one piece: the terminal breaks it. */
function fitted(text: string, isTerminal: boolean): string {
  if (!isTerminal || /^chmod /.test(text)) return text;
  // A quoted command counts as one word.
  const words = text.match(/'[^']*'\S*|\S+/g) ?? [];
  return wrap(words, WIDTH - INDENT).join(`\n${" ".repeat(INDENT)}`);
}
