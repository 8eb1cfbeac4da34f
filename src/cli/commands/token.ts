import type { Context } from "../../process/context.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import { type Command, type OptionsOf, text } from "../command_line/spec.ts";
import { NanoctlError } from "../../errors.ts";
import { Output } from "../output.ts";

const OPTIONS = {
  format: text("template", "Print a line of this form.", {
    note: "With {token}, {url}, {host}, {hostname},\n" +
      "{username}, {profile}, {service}, {expires_at}.",
  }),
};

/** The options of `token`. */
export type TokenOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl token`: the active token, for a script. */
export const token: Command<TokenOptions> = {
  options: OPTIONS,
  examples: [
    [
      "With curl",
      "nanoctl token --format 'Authorization: Bearer {token}' | curl -H @- …",
    ],
    ["With its expiry", "nanoctl token --json"],
    ["For a file", "nanoctl token --format 'NANO_TOKEN={token}'"],
  ],
  usesToken: "hands over",
  run: runToken,
};

/**
 * Prints the token that a command would use, without asking the service.
 *
 * Throws `usage` for a format that is none, `not_logged_in`, `token_expired` for
 * a stored token that has expired, `service_response` for a value that does not
 * fit into a format, and what the store throws.
 */
export async function runToken(
  context: Context,
  options: TokenOptions,
): Promise<void> {
  if (options.format !== undefined) {
    return await printFormatted(context, options, options.format);
  }
  const { currentToken } = await import("../session/current_token.ts");
  const output = new Output(context, options);
  const { target, provider, token } = await currentToken(
    context,
    options,
    output,
  );
  if (!output.json) return await output.data(token.secret.reveal());
  await output.dataJson({
    token: token.secret.reveal(),
    service: target.service,
    url: target.url,
    profile: target.profile,
    origin: provider.origin,
    expires_at: token.expiresAt?.toISOString() ?? null,
  });
}

async function printFormatted(
  context: Context,
  options: TokenOptions,
  format: string,
): Promise<void> {
  const output = new Output(context, options);
  if (output.json) {
    throw new NanoctlError(
      "usage",
      "--format and --json both say what to print",
      "give one of them",
    );
  }
  const { fillFormat, readFormat } = await import("../token_format.ts");
  const parts = readFormat(format);
  const { currentToken } = await import("../session/current_token.ts");
  const current = await currentToken(context, options, output);
  await output.data(fillFormat(parts, current));
}
