import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import type { SessionToken, TokenProvider } from "../../http/token_provider.ts";
import type { Output } from "../output.ts";
import { resolveProvider, type Target } from "../../tokens/resolve.ts";
import { loginCommand } from "../../tokens/not_logged_in.ts";
import { expiryText, SOON } from "../expiry.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import { renewingFor } from "./renewing.ts";
import { resolveTarget } from "./target.ts";

/** The token that a command would use, and where. */
export interface CurrentToken {
  target: Target;
  provider: TokenProvider;
  token: SessionToken;
  /** Whose token it is; undefined for one that is not a stored login's. */
  username: string | undefined;
}

/**
 * The token that a command would use, without asking the service. Warns when
 * it ends within a day.
 *
 * Throws `not_logged_in`, `token_expired` for a stored token that has
 * expired, and what the store throws.
 */
export async function currentToken(
  context: Context,
  options: GlobalOptions,
  output: Output,
): Promise<CurrentToken> {
  const resolved = await resolveTarget(context, options);
  const { target, store, snapshot, note } = resolved;
  if (note) await output.detail(note);
  const provider = resolveProvider(
    context,
    options,
    target,
    store,
    snapshot,
    renewingFor(context, options, output, target),
  );
  const login = loginCommand(snapshot, {
    profile: target.profile,
    command: snapshot.find(target.profile)?.runsCommand === true,
  });
  const token = await tokenOf(context, { provider, login }, output);
  const username = provider.origin === "store"
    ? snapshot.find(target.profile)?.username
    : undefined;
  return { target, provider, token, username };
}

/**
 * A provider's token. Warns when a stored one ends within a day; `login` is the
 * command that logs in again.
 *
 * Throws `token_expired` for a stored one that has expired, and what the provider
 * throws.
 */
export async function tokenOf(
  context: Context,
  { provider, login }: { provider: TokenProvider; login: string },
  output: Output,
): Promise<SessionToken> {
  const token = await provider.getToken();
  if (token.note) await output.detail(token.note);
  // An agent's is exchanged again by the next run.
  if (provider.origin === "store") {
    await checkExpiry(token, context.now(), output, login);
  }
  return token;
}

/** A time to the minute, such as `2026-01-15 12:00 UTC`. */
function utc(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

async function checkExpiry(
  { expiresAt, renewable }: SessionToken,
  now: Date,
  output: Output,
  login: string,
): Promise<void> {
  if (!expiresAt) return;
  const left = expiresAt.getTime() - now.getTime();
  if (left <= 0) {
    throw new NanoctlError(
      "token_expired",
      `the stored token ${expiryText(expiresAt, now)}`,
      // Without a request, this clock is all there is to go by.
      `log in again with '${login}'; this machine's clock shows ${utc(now)}`,
    );
  }
  if (left < SOON && !renewable) {
    await output.warn(`the token ${expiryText(expiresAt, now)}`);
  }
}
