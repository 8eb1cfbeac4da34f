import type { GlobalOptions } from "../command_line/shared_options.ts";
import { type Command, flag, type OptionsOf } from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { hasCode, NanoctlError } from "../../errors.ts";
import { Output } from "../output.ts";
import { movingAside } from "../move_aside.ts";
import type { CredentialStore } from "../../store/credential_store.ts";
import type { StoredProfile } from "../../store/snapshot.ts";
import type { ResolvedTarget, Stored } from "../session/target.ts";

/** The credential file, as it was read. */
type Opened = Omit<Stored, "profile">;

const OPTIONS = {
  revoke: flag("Revoke the token at the service, too."),
  all: flag("Delete the stored tokens of all profiles."),
  force: flag("Move an unreadable credential file aside."),
};

/** The options of `logout`. */
export type LogoutOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl logout`: deletes the stored token. */
export const logout: Command<LogoutOptions> = {
  options: OPTIONS,
  examples: [
    ["Delete the local token", "nanoctl logout"],
    ["Revoke it, too", "nanoctl logout --revoke"],
  ],
  writesStore: true,
  run: runLogout,
};

/**
 * Deletes what is stored, with `--url` and `--service` only what is for those;
 * nothing stored is not an error. With `--revoke` a token is deleted even if the
 * service is out of reach, which is an error; one that the service does not end
 * for another reason stays stored, and the others go on.
 *
 * Throws `usage` for a URL or a service that can't be one, what the store
 * throws, and with `--revoke` what the first session that fails throws.
 */
export async function runLogout(
  context: Context,
  options: LogoutOptions,
): Promise<void> {
  const { openStored } = await import("../session/target.ts");
  const { TOKEN_VARIABLES, CODER_VARIABLES, meansCoder } = await import(
    "../../tokens/variables.ts"
  );
  const output = new Output(context, options);
  const variable = [
    ...Object.values(TOKEN_VARIABLES),
    ...meansCoder(context, options) ? [CODER_VARIABLES.token] : [],
  ].find((name) => context.env.get(name));
  const { profile, store, snapshot } = await movingAside(
    context,
    options,
    output,
    async () => {
      const opened = await openStored(context, options);
      return { ...opened, profile: await profileOf(context, options, opened) };
    },
  );
  const isMeant = await filterOf(context, options);
  const meant = snapshot.names.filter((name) =>
    (options.all || name === profile) && isMeant(snapshot.find(name))
  );
  if (meant.length > 0) store.checkPlace();
  const { removed, revoked, failures } = options.revoke
    ? await revokeAll(context, options, output, { store, snapshot }, meant)
    : {
      removed: await forget(output, { store, snapshot }, meant),
      revoked: [],
      failures: [],
    };
  const [failure, ...others] = failures;
  if (removed.length > 0 || !failure) {
    const nothing = meant.length === 0 ? profile : undefined;
    await report(output, { removed, revoked }, options, nothing);
    if (removed.includes(snapshot.active)) await sayActive(output, store);
  }
  for (const { message } of others) await output.warn(message);
  if (failure) throw failure;
  if (!variable) return;
  await output.warn(
    `${variable} is set, so commands are still authenticated; unset it to be logged out`,
  );
}

/** The profile to log out of: with a URL and no name, the one that is for it. */
async function profileOf(
  context: Context,
  options: LogoutOptions,
  { profile, snapshot }: Stored,
): Promise<string> {
  if (options.all || options.url === undefined) return profile;
  const { namedProfile } = await import("../../tokens/variables.ts");
  if (namedProfile(context, options) !== undefined) return profile;
  const { profileFor } = await import("../session/profile_choice.ts");
  const { parseServiceUrl } = await import("../../http/service_url.ts");
  const url = parseServiceUrl(options.url);
  return profileFor(snapshot, { url, service: options.service }) ?? profile;
}

/** Says which profile is the active one now. */
async function sayActive(
  output: Output,
  store: CredentialStore,
): Promise<void> {
  const { active, names } = await store.read();
  if (names.length === 0) return;
  await output.say(`The active profile is now ${active}.`);
}

/** Whether a login is one of those that `--url` and `--service` leave: the variables name no login to forget. */
async function filterOf(
  context: Context,
  { url, service }: LogoutOptions,
): Promise<(stored: StoredProfile | undefined) => boolean> {
  const { parseServiceUrl } = await import("../../http/service_url.ts");
  const { namedServiceOf } = await import("../session/services.ts");
  const wanted = {
    url: url === undefined ? undefined : parseServiceUrl(url),
    service: service === undefined
      ? undefined
      : await namedServiceOf(context, service),
  };
  return (stored) =>
    (wanted.url ?? stored?.url) === stored?.url &&
    (wanted.service ?? stored?.service) === stored?.service;
}

/** The profiles whose tokens were deleted, and those of them whose tokens the service ended. */
interface Outcome {
  removed: string[];
  revoked: string[];
}

/** Whether the service could not be asked: then the token is deleted all the same. */
function isOutOfReach({ code }: NanoctlError): boolean {
  return code.startsWith("network");
}

/** Ends the tokens of these profiles, and deletes those that are ended. */
async function revokeAll(
  context: Context,
  options: LogoutOptions,
  output: Output,
  { store, snapshot }: Opened,
  names: string[],
): Promise<Outcome & { failures: NanoctlError[] }> {
  const { storedTarget } = await import("../session/target.ts");
  const removed: string[] = [];
  const revoked: string[] = [];
  const failures: NanoctlError[] = [];
  for (const name of names) {
    try {
      const target = storedTarget(snapshot, name);
      await revoke(context, options, output, { store, snapshot, target });
    } catch (error) {
      const isOver = context.signal.aborted || !(error instanceof NanoctlError);
      if (isOver) throw error;
      if (isOutOfReach(error)) {
        removed.push(...await forget(output, { store, snapshot }, [name]));
        failures.push(notRevoked(error, name));
      } else failures.push(stillStored(error, name));
      continue;
    }
    const gone = await forget(output, { store, snapshot }, [name]);
    removed.push(...gone);
    revoked.push(...gone);
  }
  return { removed, revoked, failures };
}

/** Deletes these logins and gives their names; one that another process made meanwhile stays. */
async function forget(
  output: Output,
  { store, snapshot }: Opened,
  names: string[],
): Promise<string[]> {
  if (names.length === 0) return [];
  const staying = await store.remove(names, snapshot);
  for (const name of staying) {
    await output.warn(
      `profile ${name} was logged in anew meanwhile, and stays`,
    );
  }
  return names.filter((name) => !staying.includes(name));
}

async function revoke(
  context: Context,
  options: LogoutOptions,
  output: Output,
  resolved: Opened & Pick<ResolvedTarget, "target">,
): Promise<void> {
  const { store, snapshot, target } = resolved;
  if (await revokedByOAuth(context, options, output, resolved)) return;
  const { openSession } = await import("../session/session.ts");
  const { storedToken } = await import("../../tokens/stored.ts");
  const { origin, source, getToken } = storedToken(
    store,
    snapshot,
    target.profile,
  );
  // Not renewed: a login that another process makes meanwhile is not to be ended.
  const provider = { origin, source, getToken };
  const session = await openSession(
    context,
    options,
    output,
    resolved,
    provider,
  );
  try {
    await session.service.revoke(session.client);
  } catch (error) {
    // What the service no longer knows or accepts needs no ending.
    if (hasCode(error, "token_invalid", "token_expired", "token_revoked")) {
      return;
    }
    throw error;
  }
}

/** Whether the login was got from an OAuth server, and is ended there (RFC 7009). */
async function revokedByOAuth(
  context: Context,
  options: LogoutOptions,
  output: Output,
  { snapshot, target }: Opened & Pick<ResolvedTarget, "target">,
): Promise<boolean> {
  const { grantIn } = await import("../../store/sealed_grant.ts");
  const tokens = await snapshot.openTokens(target.profile);
  const grant = grantIn(tokens?.oauth);
  if (!tokens || !grant || !("issuer" in grant)) return false;
  const { revokeTokens } = await import("../../services/oauth/renewal.ts");
  const { renewingFor } = await import("../session/renewing.ts");
  const { connect } = renewingFor(context, options, output, target);
  if (await revokeTokens(await connect(), grant, tokens)) return true;
  // Only a service of our own knows another way.
  return target.service === "oauth" ? Promise.reject(notOffered()) : false;
}

function notOffered(): NanoctlError {
  return new NanoctlError("failed", "the server does not offer to revoke it");
}

function notRevoked(error: NanoctlError, profile: string): NanoctlError {
  return new NanoctlError(
    error.code,
    `the token of profile ${profile} was deleted here, but not revoked: ${error.message}`,
    "it stays valid until it expires; revoke it at the service",
  );
}

function stillStored(error: NanoctlError, profile: string): NanoctlError {
  return new NanoctlError(
    error.code,
    `the token of profile ${profile} was not ended and stays stored: ${error.message}`,
    `try again later, or forget it here only: nanoctl logout --profile ${profile}`,
  );
}

async function report(
  output: Output,
  outcome: Outcome,
  options: LogoutOptions,
  profile: string | undefined,
): Promise<void> {
  const { removed } = outcome;
  if (output.json) await output.dataJson({ ...outcome });
  if (removed.length > 0) await output.say(loggedOut(outcome));
  else if (profile) await output.say(nothingToDo(options, profile));
}

function nothingToDo(
  { all, url, service }: LogoutOptions,
  profile: string,
): string {
  const place = [url, service].filter((given) => given !== undefined);
  const what = [
    ...all ? [] : [`for profile ${profile}`],
    ...place.length === 0 ? [] : [`for ${place.join(" and ")}`],
  ].join(" ");
  return `Nothing is stored${
    what && ` ${what}`
  }; there is nothing to log out of.`;
}

function loggedOut({ removed, revoked }: Outcome): string {
  const ended = revoked.length === removed.length
    ? ", and ended at the service"
    : "";
  return `Logged out of ${
    removed.join(", ")
  }: the stored token is deleted${ended}.`;
}
