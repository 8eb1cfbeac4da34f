import type { Context } from "hono";
import type { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { fromBase64 } from "../clouds/cloud.ts";
import type { DevEnv, Guard } from "../guards.ts";
import type { DevState, TokenFormat } from "../state.ts";

/**
 * A service that the embedded one can be, as strict as the real one.
 *
 * It is written from the service's own documentation, never from the
 * description in `src/services` that nanoctl reads it with: tests hold the two
 * against each other. Guard its routes with `authenticate`, and say in a `Wire`
 * how it answers for each state of a token.
 */
export interface Vendor extends TokenFormat {
  /** The name that `--service` knows it by. */
  readonly name: string;
  /** The path of its page on which a person makes a token. */
  readonly tokenPage: string;
  /** Its routes, with its own 404 for what the others don't answer. */
  routes(state: DevState): Hono<DevEnv>;
}

/** The token of an `Authorization` header with one of these schemes, in any case (RFC 9110, section 11.1). */
export function tokenWithScheme(
  c: Context,
  ...schemes: string[]
): Secret | undefined {
  const header = c.req.header("authorization") ?? "";
  const [, scheme = "", value] = /^(\S+) +(\S+)$/.exec(header) ?? [];
  const isKnown = schemes.some((known) =>
    known.toLowerCase() === scheme.toLowerCase()
  );
  return isKnown && value !== undefined ? new Secret(value) : undefined;
}

/** A user name with its password. */
export interface BasicCredentials {
  readonly username: string;
  /** Undefined if it is empty. */
  readonly password: Secret | undefined;
}

/** What an `Authorization` header with the scheme Basic has (RFC 7617, section 2). */
export function basicCredentials(c: Context): BasicCredentials | undefined {
  const bytes = fromBase64(tokenWithScheme(c, "Basic")?.reveal() ?? "");
  const text = new TextDecoder().decode(bytes ?? new Uint8Array());
  const [, username, password] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (username === undefined) return undefined;
  return { username, password: password ? new Secret(password) : undefined };
}

/** Answers for paths that end in a slash, which would be taken for those without. */
export function noTrailingSlash(notFound: (c: Context) => Response): Guard {
  return async (c, next) => {
    if (c.req.path !== "/" && c.req.path.endsWith("/")) return notFound(c);
    return await next();
  };
}

/** A number made of a UUID, always the same one, for services whose ids are numbers. */
export function numberOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 7), 16) + 1;
}

/** Seconds since 1970, rounded up. */
export function epochSeconds(date: Date): number {
  return Math.ceil(date.getTime() / 1000);
}
