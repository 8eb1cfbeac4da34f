import { assertEquals } from "@std/assert";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, mint, send } from "../helpers.ts";

/** What a token is. */
export const SELF = "/v1/auth/token/lookup-self";

/** Where a token is renewed. */
export const RENEW = "/v1/auth/token/renew-self";

/** Asks with a token, by default for what it is. */
export function askWith(
  server: RunningServer,
  token: string,
  path = SELF,
  init: RequestInit = {},
): Promise<Answer> {
  const headers = { "X-Vault-Token": token, ...init.headers };
  return ask(server, path, { ...init, headers });
}

/** Asks with a new token of these fields. */
export async function askMinted(
  server: RunningServer,
  fields: Record<string, unknown>,
  path = SELF,
  init: RequestInit = {},
): Promise<Answer> {
  return askWith(server, (await mint(server, fields)).token, path, init);
}

/** Renews a token. */
export function renew(
  server: RunningServer,
  token = server.token,
  body: unknown = undefined,
): Promise<Answer> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  return askWith(server, token, RENEW, { method: "POST", ...init });
}

/** Changes the settings of the operator. */
export async function set(
  server: RunningServer,
  change: Record<string, unknown>,
): Promise<void> {
  const { status, text } = await send(server, "PATCH", "/dev/vault", change);
  assertEquals(status, 200, text);
}
