import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { Output } from "../output.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";

/** The options of `token`. */
export type TokenCommandOptions = GlobalOptions;

/** `nanoctl token`: the active token, for a script. */
export function tokenCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description("Print the active token, for scripts.")
      .example(
        "Call the service with curl",
        'curl -H "Authorization: Bearer $(nanoctl token)" …',
      )
      .action((options) => runToken(context, options)),
  );
}

/**
 * Prints the token that a command would use, without asking the service.
 *
 * Throws `not_logged_in`, `token_expired` for a stored token whose time is
 * over, and what the store throws.
 */
export async function runToken(
  context: Context,
  options: TokenCommandOptions,
): Promise<void> {
  const { currentToken } = await import("./current_token.ts");
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
