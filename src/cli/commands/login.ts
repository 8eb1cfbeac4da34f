import {
  type GlobalOptions,
  KEY_SOURCE_NOTE,
} from "../command_line/shared_options.ts";
import type { Command, OptionsOf } from "../command_line/spec.ts";
import type { Context } from "../../context.ts";
import { hasCode, NanoctlError } from "../../errors.ts";
import type { TokenProvider } from "../../http/token_provider.ts";
import { Output } from "../output.ts";
import type { Account } from "../../services/service.ts";
import type { KeyChoice } from "../../store/key_source.ts";
import { accountJson } from "../account_json.ts";
import { warnOfClock } from "../clock_warning.ts";
import { expiryText } from "../expiry.ts";
import { withForce } from "../move_aside.ts";
import type { Session } from "../session/session.ts";
import type { Workplace } from "../session/target.ts";

const PROMPTS = 3;

const OPTIONS = {
  tokenStdin: { kind: "flag", help: "Read the token from standard input." },
  save: { kind: "flag", help: "Store the token, wherever it came from." },
  keySource: {
    kind: "text",
    value: "source",
    help: "Where the key of a new credential file is.",
    note: KEY_SOURCE_NOTE,
  },
  force: {
    kind: "flag",
    help: "Move aside a file that can't be read; start anew.",
  },
} as const;

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
 * Logs in and says so.
 *
 * Throws `usage` when there is neither a token nor a terminal to ask on, and
 * what validating and storing throw.
 */
export async function runLogin(
  context: Context,
  options: LoginOptions,
): Promise<void> {
  const { openWorkplace } = await import("../session/target.ts");
  const output = new Output(context, options);
  const choice = await keyChoice(options);
  // What is to be stored has to find out at once that it can't be.
  const hasToken = options.save || options.tokenStdin
    ? (): boolean => !options.save
    : undefined;
  const workplace = await withForce(
    context,
    options,
    output,
    () => openWorkplace(context, options, hasToken),
  );
  const given = await givenToken(context, options);
  const stored = !given || options.save === true;
  if (stored) checkStorable(workplace, choice);
  const login = given
    ? await validate(context, options, output, workplace, given)
    : await promptUntilValid(context, options, output, workplace);
  if (stored) {
    await withForce(
      context,
      options,
      output,
      () => store(workplace, login, choice),
    );
  }
  await report(context, output, workplace, login, stored);
}

async function keyChoice(
  { keySource }: LoginOptions,
): Promise<KeyChoice | undefined> {
  if (keySource === undefined) return undefined;
  const { parseKeyChoice } = await import("../../store/key_source.ts");
  return parseKeyChoice(keySource);
}

/** Throws what storing would throw for reasons that are known already, before anyone is asked for a token. */
function checkStorable(
  { store, snapshot }: Workplace,
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
  workplace: Workplace,
  provider: TokenProvider,
): Promise<Login> {
  const { openSession, whoami } = await import("../session/session.ts");
  const session = await openSession(
    context,
    options,
    output,
    workplace,
    provider,
  );
  return { session, account: await whoami(session) };
}

/** Asks for a token until the service accepts one, three times in all. */
async function promptUntilValid(
  context: Context,
  options: LoginOptions,
  output: Output,
  workplace: Workplace,
): Promise<Login> {
  if (!context.stdin.isTerminal || !context.stderr.isTerminal) {
    throw new NanoctlError(
      "usage",
      "no token was given, and there is no terminal to ask for one",
      "set NANOSERVICES_TOKEN or NANOSERVICES_TOKEN_FILE, or give --token, --token-file or --token-stdin",
    );
  }
  const { loadService } = await import("../../services/service.ts");
  const { target } = workplace;
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
      return await validate(context, options, output, workplace, provider);
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

/** Whether another token may help: this one was refused, or was none. */
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
  { target, store }: Workplace,
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
  { target, store, snapshot }: Workplace,
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
