import { EXPLANATIONS } from "../../src/cli/explanations.ts";
import { type ErrorCode, EXIT_CODES } from "../../src/errors.ts";
import { escaped } from "./markdown.ts";

const NOTE = "<!-- Made by deno task docs of src/cli/explanations.ts. -->";

const INTRODUCTION =
  "Every error has a code, which `--json` prints as `error.code`, and each code has an exit code. " +
  "`nanoctl explain <code>` prints the same offline.";

/** The page of all error codes, by exit code. */
export function errorsPage(): string {
  const codes = Object.keys(EXPLANATIONS) as ErrorCode[];
  const exits = [...new Set(codes.map((code) => EXIT_CODES[code]))];
  return [
    NOTE,
    "# Errors",
    INTRODUCTION,
    ...exits.flatMap((exit) => [
      `## Exit code ${exit}`,
      ...codes.filter((code) => EXIT_CODES[code] === exit).map(section),
    ]),
  ].join("\n\n") + "\n";
}

function section(code: ErrorCode): string {
  const { meaning, remedies } = EXPLANATIONS[code];
  return [
    `### ${code}`,
    escaped(meaning),
    remedies.map((remedy) => `- ${escaped(remedy)}`).join("\n"),
  ].join("\n\n");
}
