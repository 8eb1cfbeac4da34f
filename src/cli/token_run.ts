import type { Context } from "../context.ts";
import { Output } from "../output.ts";
import { currentToken } from "./current_token.ts";
import type { GlobalOptions } from "./options.ts";

/** The options of `token`. */
export type TokenCommandOptions = GlobalOptions;

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
