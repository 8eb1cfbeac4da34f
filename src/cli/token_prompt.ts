import { hasCode, NanoctlError } from "../errors.ts";
import type { TokenProvider } from "../http/token_provider.ts";
import type { Context } from "../process/context.ts";
import type { Target } from "../tokens/resolve.ts";
import type { Output } from "./output.ts";

const PROMPTS = 3;

/** Whether there is a terminal to ask for a token on. */
export function canAsk({ stdin, stderr }: Context): boolean {
  return stdin.isTerminal && stderr.isTerminal;
}

/**
 * Asks for a token until the service accepts one, three times in all.
 *
 * Throws `usage` without a terminal, and what validating throws the last time.
 */
export async function promptUntilValid<T>(
  context: Context,
  output: Output,
  target: Target,
  validate: (typed: TokenProvider) => Promise<T>,
): Promise<T> {
  if (!canAsk(context)) {
    throw new NanoctlError(
      "usage",
      "no token was given, and there is no terminal to ask for one",
      "set NANOSERVICES_TOKEN or NANOSERVICES_TOKEN_FILE, or give --token, --token-file, --token-command or --token-stdin",
    );
  }
  const { serviceOf } = await import("./session/services.ts");
  const service = await serviceOf(context, target.service);
  const form = service.description?.token_form;
  await output.say(
    `Log in to ${target.url}: make a token at ${
      service.tokenPage(target.url)
    } and ${form ? `give ${form}` : "paste it"} here.`,
  );
  for (let left = PROMPTS - 1;; left--) {
    const text = await context.prompts.secret("Token");
    try {
      return await validate(await promptedToken(text));
    } catch (error) {
      if (left === 0 || !mayTypeAgain(error)) throw error;
      await output.say(`${error.message}. Try again (${left} left).`);
    }
  }
}

async function promptedToken(text: string): Promise<TokenProvider> {
  const { readToken } = await import("../tokens/token_text.ts");
  const { fixedToken } = await import("../tokens/fixed.ts");
  return fixedToken(readToken(text, "the prompt"), "prompt", "the prompt");
}

/** Whether another token may help: this one was refused or malformed. */
function mayTypeAgain(error: unknown): error is NanoctlError {
  return hasCode(
    error,
    "not_logged_in",
    "token_invalid",
    "token_expired",
    "token_revoked",
    "insufficient_scope",
  );
}
