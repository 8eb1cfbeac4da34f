import type { Context } from "../../process/context.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Command } from "../command_line/spec.ts";
import { Output } from "../output.ts";

/** `nanoctl token`: the active token, for a script. */
export const token: Command<GlobalOptions> = {
  examples: [
    ["With curl", 'curl -H "Authorization: Bearer $(nanoctl token)" …'],
    ["With its expiry", "nanoctl token --json"],
  ],
  usesToken: "hands over",
  run: runToken,
};

/**
 * Prints the token that a command would use, without asking the service.
 *
 * Throws `not_logged_in`, `token_expired` for a stored token that has expired,
 * and what the store throws.
 */
export async function runToken(
  context: Context,
  options: GlobalOptions,
): Promise<void> {
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
