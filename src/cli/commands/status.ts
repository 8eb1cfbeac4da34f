import type { GlobalOptions } from "../command_line/shared_options.ts";
import { type Command, flag, type OptionsOf } from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { hasCode } from "../../errors.ts";
import { serviceLabel } from "../../services/names.ts";
import type { TokenProvider } from "../../http/token_provider.ts";
import { Output } from "../output.ts";
import { withoutSecrets } from "../../secret.ts";
import type { StoredProfile, StoreSnapshot } from "../../store/snapshot.ts";
import { warnOfClock } from "../clock_warning.ts";
import { expiryText, shortExpiryText, SOON } from "../expiry.ts";
import type { Cell } from "../table.ts";
import { encryptionJson } from "./store/info.ts";
import type { ServiceHeader } from "../session/service_headers.ts";
import type { ResolvedTarget } from "../session/target.ts";

const OPTIONS = {
  check: flag("Ask the service whether the active token is valid."),
};

/** The options of `status`. */
export type StatusOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl status`: what is stored, and which token a command would use. */
export const status: Command<StatusOptions> = {
  options: OPTIONS,
  examples: [
    ["At a glance", "nanoctl status"],
    ["As a health check", "nanoctl status --check --quiet"],
  ],
  usesToken: "sends",
  run: runStatus,
};

/**
 * Prints the state. Without `--check` it uses no network and being logged out
 * is not an error; with it, it throws as `whoami` does.
 */
export async function runStatus(
  context: Context,
  options: StatusOptions,
): Promise<void> {
  const { resolveTarget } = await import("../session/target.ts");
  const output = new Output(context, options);
  const resolved = await resolveTarget(context, options);
  const active = await activeToken(context, options, resolved);
  if (resolved.note) await output.detail(resolved.note);
  const { serviceHeaders } = await import("../session/service_headers.ts");
  const { serviceOf } = await import("../session/services.ts");
  const service = await serviceOf(context, resolved.target.service);
  const headers = serviceHeaders(context, options, service);
  if (output.json) {
    await output.dataJson(statusJson(resolved, active, headers));
  } else {
    await output.data(
      await statusText(context, options, resolved, active, headers),
    );
  }
  if (options.check) await check(context, options, output, resolved);
}

/** The provider of the active token; undefined when there is none. */
async function activeToken(
  context: Context,
  options: StatusOptions,
  { target, store, snapshot }: ResolvedTarget,
): Promise<TokenProvider | undefined> {
  const { resolveProvider } = await import("../../tokens/resolve.ts");
  try {
    return resolveProvider(context, options, target, store, snapshot);
  } catch (error) {
    if (hasCode(error, "not_logged_in")) return undefined;
    throw error;
  }
}

async function check(
  context: Context,
  options: StatusOptions,
  output: Output,
  resolved: ResolvedTarget,
): Promise<void> {
  const { target, store, snapshot } = resolved;
  const { resolveProvider } = await import("../../tokens/resolve.ts");
  const { openSession, whoami } = await import("../session/session.ts");
  const { renewingFor } = await import("../session/renewing.ts");
  const provider = resolveProvider(
    context,
    options,
    target,
    store,
    snapshot,
    renewingFor(context, options, output, target),
  );
  const account = await whoami(
    await openSession(context, options, output, resolved, provider),
  );
  await warnOfClock(output, account);
  await output.say(
    `The active token is valid: you are ${account.username} at ${target.url}.`,
  );
}

function statusJson(
  { target, store, snapshot, urlSource }: ResolvedTarget,
  active: TokenProvider | undefined,
  headers: ServiceHeader[],
): Record<string, unknown> {
  return {
    active: snapshot.active,
    target: {
      service: serviceLabel(target.service),
      url: withoutSecrets(target.url),
      url_source: urlSource,
      headers: headers.map(({ name, source }) => ({ name, source })),
    },
    token: active
      ? {
        origin: active.origin,
        source: withoutSecrets(active.source),
        service: serviceLabel(target.service),
        url: withoutSecrets(target.url),
        profile: target.profile,
        expires_at: active.origin === "store"
          ? snapshot.find(target.profile)?.expiresAt?.toISOString() ?? null
          : null,
      }
      : null,
    encryption: snapshot.key ? encryptionJson(snapshot.key) : null,
    file: snapshot.key ? store.path : null,
    profiles: profiles(snapshot).map((stored) => ({
      profile: stored.profile,
      service: serviceLabel(stored.service),
      url: stored.url,
      account: { username: stored.username },
      expires_at: stored.expiresAt?.toISOString() ?? null,
      renewable: stored.renewable,
      stored_at: stored.storedAt.toISOString(),
    })),
  };
}

/** A header without its value, which may be a credential. */
function headerText({ name, source }: ServiceHeader): string {
  return `${name} (from ${source})`;
}

function profiles(snapshot: StoreSnapshot): StoredProfile[] {
  return snapshot.names.flatMap((name) => snapshot.find(name) ?? []);
}

async function statusText(
  context: Context,
  options: StatusOptions,
  { target, store, snapshot, urlSource }: ResolvedTarget,
  active: TokenProvider | undefined,
  headers: ServiceHeader[],
): Promise<string> {
  const { describeKey } = await import("../../store/key_source.ts");
  const { loginCommand } = await import("../../tokens/not_logged_in.ts");
  const { tellsExpiry } = await import("../../services/names.ts");
  const now = context.now();
  const facts = [
    [
      "Active token:",
      active
        ? withoutSecrets(`from ${active.source}, for ${target.url}`)
        : `none; log in with '${
          loginCommand(snapshot, { profile: target.profile })
        }'`,
    ],
    // What is stored with the profile is in its line above.
    ...["profile", "default"].includes(urlSource)
      ? []
      : [["URL:", withoutSecrets(`${target.url}, from ${urlSource}`)]],
    ...headers.length === 0
      ? []
      : [["Headers:", headers.map(headerText).join(", ")]],
    ...(snapshot.key
      ? [
        [
          "Encryption:",
          `AES-256-GCM, ${describeKey(snapshot.key)}, key ${snapshot.key.id}`,
        ],
        ["Stored in:", store.path],
      ]
      : []),
  ];
  const { table } = await import("../table.ts");
  const { styling } = await import("../style.ts");
  const stored = profiles(snapshot);
  if (stored.length === 0) return await table(facts);
  const rows = (words: typeof expiryText): Cell[][] => [
    ["", "PROFILE", "SERVICE", "URL", "USER", "TOKEN"],
    ...stored.map((login) => {
      const isActive = login.profile === snapshot.active;
      return [
        isActive ? "*" : "",
        { text: login.profile, style: isActive ? "bold" as const : undefined },
        serviceLabel(login.service),
        login.url,
        login.username,
        expiryCell(login, now, tellsExpiry(login.service), words),
      ];
    }),
  ];
  const logins = await table(rows(expiryText), {
    columns: context.stdout.columns,
    style: styling(context, options),
    shorter: () => rows(shortExpiryText),
  });
  return `${logins}\n\n${await table(facts)}`;
}

/** When a login ends. Its colour says how soon, as its words do. */
function expiryCell(
  { expiresAt, renewable }: StoredProfile,
  now: Date,
  isTold: boolean,
  words: typeof expiryText,
): Cell {
  if (renewable) return { text: "renews itself", style: "green" };
  if (!expiresAt && !isTold) return "no date is known";
  const left = expiresAt ? expiresAt.getTime() - now.getTime() : Infinity;
  return {
    text: words(expiresAt, now),
    style: left <= 0 ? "red" : left < SOON ? "yellow" : undefined,
  };
}
