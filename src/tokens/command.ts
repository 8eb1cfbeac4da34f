import type {
  SessionToken,
  TokenOrigin,
  TokenProvider,
} from "../http/token_provider.ts";
import type { Secret } from "../secret.ts";
import type {
  CommandContext,
  CommandToken,
  TokenCommand,
} from "./command_output.ts";

/** How long a request, or a program that prints the token, may take by default, in seconds. */
export const DEFAULT_TIMEOUT_SECONDS = 30;

/**
 * The token that a program prints. It runs when a token is first needed, and
 * again when the token is over or refused: once for any number of callers, and
 * not again for a token that it has printed twice. What it printed is held for
 * the process.
 *
 * The provider throws as `runTokenCommand` does.
 */
export function commandToken(
  context: CommandContext,
  given: TokenCommand,
  origin: TokenOrigin,
): TokenProvider {
  let held: CommandToken | undefined;
  let running: Promise<CommandToken> | undefined;
  let refusedTwice: Secret | undefined;
  const run = async (): Promise<CommandToken> => {
    const { runTokenCommand } = await import("./command_output.ts");
    return held = await runTokenCommand(context, given);
  };
  const printed = (): Promise<CommandToken> =>
    running ??= run().finally(() => running = undefined);
  return {
    origin,
    source: given.source,
    hasOwnTimeLimit: true,
    getToken: async () => {
      const { renewAt, expiresAt } = held ?? {};
      const now = context.now();
      if (held && (renewAt === undefined || now < renewAt)) {
        return sessionToken(held);
      }
      try {
        return sessionToken(await printed());
      } catch (error) {
        // It was only about to end: until then it is better than none.
        const isUsable = expiresAt && now < expiresAt &&
          !context.signal.aborted;
        if (held && isUsable) return sessionToken(held);
        throw error;
      }
    },
    renew: async ({ secret }) => {
      if (held && !held.token.equals(secret)) return true;
      if (refusedTwice?.equals(secret)) return false;
      const { token } = await printed();
      if (!token.equals(secret)) return true;
      refusedTwice = secret;
      return false;
    },
  };
}

function sessionToken({ token, expiresAt, note }: CommandToken): SessionToken {
  return {
    secret: token,
    ...(expiresAt ? { expiresAt } : {}),
    ...(note === undefined ? {} : { note }),
  };
}
