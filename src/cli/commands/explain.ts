import { type ErrorCode, EXIT_CODES, NanoctlError } from "../../errors.ts";
import type { Context } from "../../process/context.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Command } from "../command_line/spec.ts";
import type { Explanation } from "../explanations.ts";
import { Output } from "../output.ts";
import { wrap } from "../wrap.ts";

const CODES = Object.keys(EXIT_CODES) as ErrorCode[];

/** How wide the text is, in columns. */
const WIDTH = 80;

/** `nanoctl explain [code]`: what an error means and how to solve it, offline. */
export const explain: Command<GlobalOptions> = {
  description:
    "Takes an error code, as in hints and --json, or an exit code. Without one,\n" +
    "lists all codes. Sends no request and reads no file.",
  arguments: ["code?"],
  argumentChoices: [CODES],
  examples: [
    ["After a certificate error", "nanoctl explain network_tls"],
    ["All errors with exit code 7", "nanoctl explain 7"],
  ],
  run: (context, options, [code]) => runExplain(context, options, code),
};

/** Prints the explanations of a code or an exit code, or the list. Throws `usage` for an unknown one. */
export async function runExplain(
  context: Context,
  options: GlobalOptions,
  given: string | undefined,
): Promise<void> {
  const output = new Output(context, options);
  const codes = given === undefined ? CODES : await codesFor(given);
  const { EXPLANATIONS } = await import("../explanations.ts");
  if (output.json) {
    const values = codes.map((code) => ({
      code,
      exit_code: EXIT_CODES[code],
      ...EXPLANATIONS[code],
    }));
    await output.dataJson(codes[0] === given ? values[0] : values);
    return;
  }
  await output.data(
    given === undefined
      ? codes.map((code) => `${EXIT_CODES[code]}\t${code}`).join("\n")
      : codes.map((code) => explained(code, EXPLANATIONS[code])).join("\n\n"),
  );
}

async function codesFor(given: string): Promise<ErrorCode[]> {
  const codes = CODES.filter((code) =>
    code === given || `${EXIT_CODES[code]}` === given
  );
  if (codes.length > 0) return codes;
  const { closestName } = await import("../command_line/proposals.ts");
  const closest = closestName(given, CODES);
  throw new NanoctlError(
    "usage",
    `there is no error code ${given}`,
    closest === undefined
      ? "'nanoctl explain' lists all codes"
      : `did you mean ${closest}?`,
  );
}

function explained(
  code: ErrorCode,
  { meaning, remedies }: Explanation,
): string {
  return [
    `${code} (exit code ${EXIT_CODES[code]})`,
    ...lines(meaning, ""),
    "",
    ...remedies.flatMap((remedy) => lines(remedy, "- ")),
  ].join("\n");
}

/** A text in lines; those after the first are indented below it. */
function lines(text: string, bullet: string): string[] {
  return wrap(text.split(" "), WIDTH - bullet.length).map((line, index) =>
    `${index === 0 ? bullet : " ".repeat(bullet.length)}${line}`
  );
}
