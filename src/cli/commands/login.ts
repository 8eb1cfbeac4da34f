import {
  type GlobalOptions,
  KEY_SOURCE_NOTE,
} from "../command_line/shared_options.ts";
import {
  type Command,
  flag,
  type OptionsOf,
  text,
} from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { hasCode, NanoctlError } from "../../errors.ts";
import type { TokenProvider } from "../../http/token_provider.ts";
import { Output } from "../output.ts";
import type { Account } from "../../services/service.ts";
import type { KeyChoice } from "../../store/key_source.ts";
import { accountJson } from "../account_json.ts";
import { warnOfClock } from "../clock_warning.ts";
import { expiryText } from "../expiry.ts";
import { movingAside } from "../move_aside.ts";
import type { Session } from "../session/session.ts";
import type { ResolvedTarget } from "../session/target.ts";

const PROMPTS = 3;

const OPTIONS = {
  tokenStdin: flag("Read the token from standard input."),
  save: flag("Store the token, wherever it came from."),
  keySource: text("source", "Where the key of a new credential file is.", {
    note: KEY_SOURCE_NOTE,
  }),
  force: flag("Move aside a file that can't be read; start anew."),
};

/** The options of `login`. */
export type LoginOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl login`: validates a token, and stores it when a person typed it. */
export const login: Command<LoginOptions> = {
  description:
    "A token from the environment or from an option is validated and not kept.\n" +
    "One typed at the masked prompt is validated, encrypted and stored.",
  options: OPTIONS,
  examples: [
    ["At a terminal", "nanoctl login"],
    ["In CI", "NANOSERVICES_TOKEN=… nanoctl login"],
    ["From a secret file", "nanoctl login --token-stdin < token.txt"],
    ["To Coder", "nanoctl login --service coder --url https://coder.example"],
  ],
  writesStore: true,
  run: runLogin,
};

/**
 * Logs in and reports it.
 *
 * Throws `usage` when there is neither a token nor a terminal to ask on, and
 * what validating and storing throw.
 */
export async function runLogin(
  context: Context,
  options: LoginOptions,
): Promise<void> {
  const { resolveTarget } = await import("../session/target.ts");
  const output = new Output(context, options);
  const choice = await keyChoice(options);
  // If the token can't be stored, that has to turn up before it is asked for.
  const hasToken = options.save || options.tokenStdin
    ? (): boolean => !options.save
    : undefined;
  const resolved = await movingAside(
    context,
    options,
    output,
    () => resolveTarget(context, options, hasToken),
  );
  const given = await givenToken(context, options);
  const stored = !given || options.save === true;
  if (stored) checkStorable(resolved, choice);
  const login = given
    ? await validate(context, options, output, resolved, given)
    : await promptUntilValid(context, options, output, resolved);
  if (stored) {
    await movingAside(
      context,
      options,
      output,
      () => store(resolved, login, choice),
    );
  }
  await report(context, output, resolved, login, stored);
}

async function keyChoice(
  { keySource }: LoginOptions,
): Promise<KeyChoice | undefined> {
  if (keySource === undefined) return undefined;
  const { parseKeyChoice } = await import("../../store/key_source.ts");
  return parseKeyChoice(keySource);
}

/** Throws what storing would throw, as far as it is known before anyone is asked for a token. */
function checkStorable(
  { store, snapshot }: ResolvedTarget,
  choice: KeyChoice | undefined,
): void {
  store.checkPlace();
  snapshot.checkChoice(choice);
}

/** A token that the service has accepted. */
interface Login {
  session: Session;
  account: Account;
}

async function givenToken(
  context: Context,
  options: LoginOptions,
): Promise<TokenProvider | undefined> {
  const { givenProvider } = await import("../../tokens/resolve.ts");
  if (!options.tokenStdin) return givenProvider(context, options);
  if (options.token !== undefined || options.tokenFile !== undefined) {
    throw new NanoctlError(
      "usage",
      "--token-stdin is given together with another token option",
      "give one of --token, --token-file and --token-stdin",
    );
  }
  const { standardInputToken } = await import("../../tokens/standard_input.ts");
  return standardInputToken(context);
}

async function validate(
  context: Context,
  options: LoginOptions,
  output: Output,
  resolved: ResolvedTarget,
  provider: TokenProvider,
): Promise<Login> {
  const { openSession, whoami } = await import("../session/session.ts");
  const session = await openSession(
    context,
    options,
    output,
    resolved,
    provider,
  );
  return { session, account: await whoami(session) };
}

/** Asks for a token until the service accepts one, three times in all. */
async function promptUntilValid(
  context: Context,
  options: LoginOptions,
  output: Output,
  resolved: ResolvedTarget,
): Promise<Login> {
  if (!context.stdin.isTerminal || !context.stderr.isTerminal) {
    throw new NanoctlError(
      "usage",
      "no token was given, and there is no terminal to ask for one",
      "set NANOSERVICES_TOKEN or NANOSERVICES_TOKEN_FILE, or give --token, --token-file or --token-stdin",
    );
  }
  const { loadService } = await import("../../services/registry.ts");
  const { target } = resolved;
  const service = await loadService(target.service);
  await output.say(
    `Log in to ${target.url}: make a token at ${
      service.tokenPage(target.url)
    } and paste it here.`,
  );
  for (let left = PROMPTS - 1;; left--) {
    const text = await context.prompts.secret("Token");
    try {
      const provider = await promptedToken(text);
      return await validate(context, options, output, resolved, provider);
    } catch (error) {
      if (left === 0 || !mayTypeAgain(error)) throw error;
      await output.say(`${error.message}. Try again (${left} left).`);
    }
  }
}

async function promptedToken(text: string): Promise<TokenProvider> {
  const { readToken } = await import("../../tokens/token_text.ts");
  const { fixedToken } = await import("../../tokens/fixed.ts");
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

async function store(
  { target, store }: ResolvedTarget,
  { session, account }: Login,
  choice: KeyChoice | undefined,
): Promise<void> {
  const { secret } = await session.provider.getToken();
  await store.save({
    ...target,
    username: account.username,
    expiresAt: account.expiresAt,
    token: secret,
  }, choice);
}

async function report(
  context: Context,
  output: Output,
  { target, store, snapshot }: ResolvedTarget,
  { session, account }: Login,
  stored: boolean,
): Promise<void> {
  const { provider } = session;
  await warnOfClock(output, account);
  if (output.json) {
    await output.dataJson({
      ...accountJson(account, target, provider),
      stored,
    });
    return;
  }
  const fromEnvironment = provider.origin.startsWith("environment");
  if (fromEnvironment && !stored) return;
  const expiry = account.expiryUnknown
    ? "ends when the service says so"
    : expiryText(account.expiresAt, context.now());
  if (provider.origin === "prompt") {
    await output.say(
      `Welcome, ${account.username}. Your token for ${target.url} ${expiry}.`,
    );
  } else {
    await output.say(
      `The token from ${provider.source} is valid: you are ${account.username} at ${target.url}. It ${expiry}.`,
    );
  }
  await output.say(
    stored
      ? `Stored, encrypted, as profile ${target.profile} in ${store.path}.`
      : "Nothing was stored; add --save to keep it, encrypted.",
  );
  const replaced = stored ? snapshot.find(target.profile) : undefined;
  if (replaced && replaced.url !== target.url) {
    await output.say(
      `It replaces the login of ${replaced.username} at ${replaced.url}; --profile <name> keeps both.`,
    );
  }
}
