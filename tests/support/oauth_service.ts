import { assertEquals } from "@std/assert";
import { type Home, start, until } from "./nanoctl.ts";
import type { Service } from "./service.ts";
import { readStored } from "./store_files.ts";

/** The settings of the embedded OAuth server; see src/dev_server/oauth/oauth_admin.ts. */
export interface OAuthWish {
  access_expires_in?: number;
  refresh_expires_in?: number;
  device_expires_in?: number;
  interval?: number;
  fail_refresh?: "after" | null;
}

/** What it counts. */
export interface OAuthCounts {
  /** How many refreshes were carried out. */
  refreshes: number;
  /** How many times a spent refresh token was presented. */
  reuses: number;
}

/** Shorter than the shortest time between two polls of nanoctl, so that none is too early. In seconds. */
export const NO_INTERVAL = 0.5;

/** Changes the settings of the embedded OAuth server. */
export async function changeOAuth(
  service: Service,
  wish: OAuthWish,
): Promise<void> {
  await admin(service, "PATCH", "", wish);
}

/** The counters of the embedded OAuth server. */
export async function countsOf(service: Service): Promise<OAuthCounts> {
  const { refreshes, reuses } = await admin<OAuthCounts>(service, "GET", "");
  return { refreshes, reuses };
}

/** Approves or denies the device login with this user code. */
export async function decide(
  service: Service,
  user_code: string,
  choice: "approve" | "deny" = "approve",
): Promise<void> {
  await admin(service, "POST", "/approvals", { user_code, choice });
}

/** Registers a confidential client, which makes up a secret if none is given; gives the secret. */
export async function registerClient(
  service: Service,
  client_id: string,
  client_secret?: string,
): Promise<string> {
  const wish = { client_id, ...client_secret ? { client_secret } : {} };
  const made = await admin<{ client_secret: string }>(
    service,
    "POST",
    "/clients",
    wish,
  );
  return made.client_secret;
}

/** Makes the token of a workload, by default for this service and for ten minutes. */
export async function workloadToken(
  service: Service,
  wish: { audience?: string; expires_in?: number } = {},
): Promise<string> {
  const subject = "repo:acme/app";
  const made = await admin<{ token: string }>(
    service,
    "POST",
    "/workload-tokens",
    { subject, ...wish },
  );
  return made.token;
}

/** The ids of the access tokens that the embedded OAuth server issued, the newest last. */
export async function issuedIds({ url }: Service): Promise<string[]> {
  const answer = await fetch(`${url}/dev/tokens`);
  const { tokens }: { tokens: { id: string; name: string }[] } = await answer
    .json();
  return tokens.filter(({ name }) => name.startsWith("oauth "))
    .map(({ id }) => id);
}

/** Logs in with a device code that is approved at once; the login is stored. */
export async function logInByDevice(
  service: Service,
  home: Home,
  ...args: string[]
): Promise<void> {
  const child = start(["login", "--device", "--json", ...args], {
    home,
    env: service.env,
  });
  const { user_code } = JSON.parse(await child.firstLine);
  await decide(service, user_code);
  const { code, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
}

/** Waits until every stored login has expired, which makes it due for renewal. */
export async function untilDue(home: Home): Promise<void> {
  const ends = Object.values(readStored(home).profiles)
    .map(({ expires_at }) => Date.parse(expires_at ?? ""));
  await until(() => Math.max(...ends) < Date.now(), "the login is due");
}

async function admin<T>(
  { url }: Service,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await fetch(`${url}/dev/oauth${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return JSON.parse(text || "null");
}
