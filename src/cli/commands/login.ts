import {
  type GlobalOptions,
  KEY_SOURCE,
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
import type { KeyChoice } from "../../store/key_source.ts";
import { accountJson } from "../account_json.ts";
import { warnOfClock } from "../clock_warning.ts";
import { expiryText } from "../expiry.ts";
import { movingAside } from "../move_aside.ts";
import { canAsk, promptUntilValid } from "../token_prompt.ts";
import type { Login } from "../validated_login.ts";
import type { ResolvedTarget } from "../session/target.ts";

const DEVICE = { group: "for device login" };
const MACHINE = { group: "for machines" };
const OAUTH = { group: "for OAuth" };

const OPTIONS = {
  tokenStdin: flag("Read the token from standard input."),
  save: flag("Store the token, whatever its source."),
  keySource: text(
    "source",
    "Where to keep the key of a new file.",
    KEY_SOURCE,
  ),
  force: flag("Move an unreadable file aside; start anew."),
  device: flag("Approve a code on any device.", DEVICE),
  noQr: flag("Don't show a QR code.", DEVICE),
  noBrowser: flag("Don't offer to open a browser.", DEVICE),
  clientCredentials: flag("Log in with client credentials.", MACHINE),
  subjectTokenFile: text("path", "Exchange a workload token (JWT).", {
    choices: "files",
    ...MACHINE,
  }),
  audience: text("name", "The audience of the exchanged token.", MACHINE),
  issuer: text("url", "Log in at this OAuth server.", OAUTH),
  clientId: text("id", "The OAuth client.", { default: "nanoctl", ...OAUTH }),
  clientSecretFile: text("path", "The client secret.", {
    variable: "NANOCTL_CLIENT_SECRET",
    note: "The variable holds the secret itself.",
    choices: "files",
    ...OAUTH,
  }),
  scope: text("scopes", "The scopes to request.", OAUTH),
};

/** The options of `login`. */
export type LoginOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl login`: validates a token, and stores it when a person typed it. */
export const login: Command<LoginOptions> = {
  description:
    "Validates a token from the environment or an option, and doesn't store it.\n" +
    "Validates, encrypts and stores a token that you type at the masked prompt.",
  options: OPTIONS,
  examples: [
    ["At a terminal", "nanoctl login"],
    ["In CI", "NANOSERVICES_TOKEN=… nanoctl login"],
    ["From a file", "nanoctl login --token-stdin < token.txt"],
    [
      "From a secret manager",
      "nanoctl login --save --token-command 'op read op://dev/nano/token'",
    ],
    ["To Coder", "nanoctl login --service coder --url https://coder.example"],
    ["With a device code", "nanoctl login --device"],
    ["OpenID provider", "nanoctl login --device --issuer https://id.example"],
  ],
  writesStore: true,
  takesToken: true,
  // A browser.
  runsPrograms: ({ device, json, noBrowser }) =>
    device === true && !json && !noBrowser,
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
  given: LoginOptions,
): Promise<void> {
  const { wayOf, withIssuer } = await import("../oauth_login.ts");
  const options = withIssuer(given);
  const way = wayOf(options);
  const { resolveTarget } = await import("../session/target.ts");
  const output = new Output(context, options);
  const choice = await keyChoice(options);
  // If the token can't be stored, that has to turn up before it is asked for.
  const hasToken = way || options.save || options.tokenStdin
    ? (): boolean => way !== "device" && !options.save
    : undefined;
  const found = await movingAside(
    context,
    options,
    output,
    () => resolveTarget(context, options, hasToken),
  );
  const token = way ? undefined : await givenToken(context, options);
  const stored = way === "device" || !way && !token || options.save === true;
  if (stored) checkStorable(found, choice);
  const isKept = stored && (way || token || canAsk(context));
  let resolved = isKept
    ? await recognized(context, options, output, found)
    : found;
  const { loginBy, validate } = await import("../validated_login.ts");
  const login = way
    ? await loginBy(
      way,
      context,
      asksLater(resolved, choice) ? { ...options, noBrowser: true } : options,
      output,
      resolved,
    )
    : token
    ? await validate(context, options, output, resolved, token)
      .catch(async (error) => {
        // A script's token is sent at once, and it may be for another service.
        if (isKept || !mayBeOther(error)) throw error;
        resolved = await recognized(context, options, output, found)
          .catch(() => found);
        if (resolved.target.service === found.target.service) throw error;
        return await validate(context, options, output, resolved, token);
      })
    : await promptUntilValid(
      context,
      output,
      resolved.target,
      (typed) => validate(context, options, output, resolved, typed),
    );
  if (stored) {
    await movingAside(
      context,
      options,
      output,
      () => store(context, resolved, login, choice),
    );
  }
  await report(context, output, resolved, login, stored);
}

/** Whether an error looks as if another service had answered. */
function mayBeOther(error: unknown): boolean {
  return hasCode(error, "service_response", "insufficient_scope");
}

/** Finds out which service is at a URL that none is known for. */
async function recognized(
  context: Context,
  options: LoginOptions,
  output: Output,
  found: ResolvedTarget,
): Promise<ResolvedTarget> {
  const { recognizedTarget } = await import("../session/recognized.ts");
  return await recognizedTarget(context, options, output, found);
}

async function keyChoice(
  { keySource }: LoginOptions,
): Promise<KeyChoice | undefined> {
  if (keySource === undefined) return undefined;
  const { parseKeyChoice } = await import("../../store/key_choice.ts");
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

/** Whether storing asks for a passphrase, which the wait for Enter would take part of. */
function asksLater(
  { snapshot }: ResolvedTarget,
  choice: KeyChoice | undefined,
): boolean {
  const { key } = snapshot;
  const sources = !key ? [choice] : "source" in key ? [key] : key.slots;
  return sources.some((each) => each?.source === "passphrase");
}

async function givenToken(
  context: Context,
  options: LoginOptions,
): Promise<TokenProvider | undefined> {
  const { givenProvider } = await import("../../tokens/resolve.ts");
  if (!options.tokenStdin) return givenProvider(context, options);
  const { token, tokenFile, tokenCommand } = options;
  if ((token ?? tokenFile ?? tokenCommand) !== undefined) {
    throw new NanoctlError(
      "usage",
      "--token-stdin is given together with another token option",
      "give one of --token, --token-file, --token-command and --token-stdin",
    );
  }
  const { standardInputToken } = await import("../../tokens/standard_input.ts");
  return standardInputToken(context);
}

async function store(
  context: Context,
  { target, store }: ResolvedTarget,
  { session, account, oauth, renewal }: Login,
  choice: KeyChoice | undefined,
): Promise<void> {
  const { secret } = await session.provider.getToken();
  const { username, expiresAt } = account;
  const { spreadRenewal } = await import("../../grant.ts");
  const credential = {
    ...target,
    username,
    token: secret,
    ...(oauth ? { ...oauth.tokens, grant: oauth.grant } : renewal ?? {}),
    expiresAt,
  };
  await store.save(
    spreadRenewal(credential, context.now(), context.random()),
    choice,
  );
}

async function report(
  context: Context,
  output: Output,
  { target, store, snapshot }: ResolvedTarget,
  { session, account, renewal }: Login,
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
  if (provider.origin === "prompt" || provider.origin === "device") {
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
  if (stored && renewal?.grant.machine.way === "command") {
    await output.say(
      "The command is stored with it, and runs again for the next token.",
    );
  }
  const replaced = stored ? snapshot.find(target.profile) : undefined;
  if (replaced && replaced.url !== target.url) {
    await output.say(
      `It replaces the login of ${replaced.username} at ${replaced.url}; --profile <name> keeps both.`,
    );
  }
}
