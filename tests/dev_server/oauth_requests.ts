import { assertEquals } from "@std/assert";
import type { RunningServer } from "../../src/dev_server/server.ts";
import { type Answer, ask, send } from "./helpers.ts";

/** The grant of a device login. */
export const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

/** The grant of a token exchange. */
export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** The fields of a form; those that are undefined are left out. */
export type Fields = Record<string, string | undefined>;

/** A client that has a secret. */
export interface Confidential extends Record<string, string> {
  client_id: string;
  client_secret: string;
}

/** Posts a form to an endpoint, for the public client unless the fields name another. */
export function post(
  server: RunningServer,
  path: string,
  fields: Fields,
  headers: HeadersInit = {},
): Promise<Answer> {
  const all = Object.entries({ client_id: "nanoctl", ...fields });
  const given = all.filter((entry): entry is [string, string] =>
    entry[1] !== undefined
  );
  const body = new URLSearchParams(given);
  return ask(server, path, { method: "POST", body, headers });
}

/** Posts a form to the token endpoint. */
export function token(
  server: RunningServer,
  fields: Fields,
  headers: HeadersInit = {},
): Promise<Answer> {
  return post(server, "/oauth/token", fields, headers);
}

/** Checks that an answer refuses with this error, as RFC 6749, section 5.2, has it. */
export function assertRefused(
  { status, json, headers }: Answer,
  error: string,
): void {
  assertEquals([json?.error, status], [
    error,
    error === "invalid_client" ? 401 : 400,
  ]);
  assertEquals(Object.keys(json), ["error", "error_description"]);
  assertEquals(
    /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(json.error_description),
    true,
  );
  assertEquals(headers.get("cache-control"), "no-store");
}

/** Starts a device login. */
export async function startDevice(
  server: RunningServer,
  fields: Fields = {},
): Promise<{ device_code: string; user_code: string }> {
  const { status, json } = await post(server, "/oauth/device", fields);
  assertEquals(status, 200);
  return json;
}

/** Asks for the tokens of a device code. */
export function poll(
  server: RunningServer,
  device_code: string,
  fields: Fields = {},
): Promise<Answer> {
  return token(server, { grant_type: DEVICE_CODE, device_code, ...fields });
}

/** Approves or denies a device login by the admin route. */
export function decide(
  server: RunningServer,
  user_code: string,
  choice: "approve" | "deny" = "approve",
  fields: Record<string, unknown> = {},
): Promise<Answer> {
  const body = { user_code, choice, ...fields };
  return send(server, "POST", "/dev/oauth/approvals", body);
}

/** Logs in by a device code. */
export async function deviceLogin(
  server: RunningServer,
  fields: Fields = {},
): Promise<{ access_token: string; refresh_token: string }> {
  const { device_code, user_code } = await startDevice(server, fields);
  await decide(server, user_code);
  const { status, json } = await poll(server, device_code, {
    ...fields,
    scope: undefined,
  });
  assertEquals(status, 200);
  return json;
}

/** Asks for new tokens. */
export function refresh(
  server: RunningServer,
  refresh_token: string,
  fields: Fields = {},
): Promise<Answer> {
  return token(server, {
    grant_type: "refresh_token",
    refresh_token,
    ...fields,
  });
}

/** Registers a confidential client. */
export async function register(
  server: RunningServer,
  client_id = "ci",
): Promise<Confidential> {
  const { status, json } = await send(server, "POST", "/dev/oauth/clients", {
    client_id,
  });
  assertEquals(status, 201);
  return json;
}

/** Makes a workload token. */
export async function workloadToken(
  server: RunningServer,
  fields: Record<string, unknown> = {},
): Promise<string> {
  const path = "/dev/oauth/workload-tokens";
  const { status, json } = await send(server, "POST", path, {
    subject: "repo:acme/app",
    ...fields,
  });
  assertEquals(status, 200);
  return json.token;
}

/** Asks for a token in exchange for another. */
export function exchange(
  server: RunningServer,
  subject_token: string,
  fields: Fields = {},
): Promise<Answer> {
  return token(server, {
    grant_type: TOKEN_EXCHANGE,
    subject_token,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    ...fields,
  });
}
