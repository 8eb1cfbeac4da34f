import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import type { SessionToken } from "../http/token_provider.ts";
import { Output } from "../output.ts";
import { expiryText } from "./dates.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";

const DAY = 86_400_000;

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
  const { openWorkplace } = await import("./workplace.ts");
  const { resolveProvider } = await import("../tokens/resolve.ts");
  const output = new Output(context, options);
  const { target, store, snapshot } = await openWorkplace(context, options);
  const provider = resolveProvider(context, options, target, store, snapshot);
  const token = await provider.getToken();
  await checkExpiry(token, context.now(), output);
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

async function checkExpiry(
  { expiresAt }: SessionToken,
  now: Date,
  output: Output,
): Promise<void> {
  if (!expiresAt) return;
  const left = expiresAt.getTime() - now.getTime();
  if (left <= 0) {
    throw new NanoctlError(
      "token_expired",
      `the stored token ${expiryText(expiresAt, now)}`,
      "log in again with 'nanoctl login'",
    );
  }
  if (left < DAY) await output.warn(`the token ${expiryText(expiresAt, now)}`);
}
