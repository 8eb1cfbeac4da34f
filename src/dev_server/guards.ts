import type { Context, Hono, MiddlewareHandler } from "hono";
import { isLoopback } from "../http/service_url.ts";
import { problem } from "./problems.ts";
import type { DevState, Token } from "./state.ts";

/** What our handlers keep with a request. */
export interface DevEnv {
  Variables: { token: Token };
}

/** A handler that decides whether, or with what, a request goes on. */
export type Guard = MiddlewareHandler<DevEnv>;

/** Keeps every answer out of caches and out of other pages' frames. */
export const safeHeaders: Guard = async (c, next) => {
  await next();
  c.header("Cache-Control", "no-store");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("X-Frame-Options", "DENY");
};

/** Refuses a request that was sent to a name of someone else's (DNS rebinding). */
export const ownHostOnly: Guard = async (c, next) => {
  const host = c.req.header("host");
  const names = [c.req.url, ...host === undefined ? [] : [`http://${host}`]];
  if (names.every((url) => isLoopback(URL.parse(url)?.hostname ?? ""))) {
    return await next();
  }
  return problem("forbidden", "The Host header does not name this machine.");
};

/** Refuses a request that a page of another origin had a browser send. */
export const ownOriginOnly: Guard = async (c, next) => {
  const site = c.req.header("sec-fetch-site") ?? "none";
  const origin = c.req.header("origin") ?? ownOrigin(c);
  if (["none", "same-origin"].includes(site) && origin === ownOrigin(c)) {
    return await next();
  }
  return problem(
    "forbidden",
    "The request comes from a page of another origin.",
  );
};

/** {@linkcode ownOriginOnly} for whatever is not a plain read. */
export const ownOriginToWrite: Guard = async (c, next) => {
  if (["GET", "HEAD"].includes(c.req.method)) return await next();
  return await ownOriginOnly(c, next);
};

/** The service's own origin, by the name under which the client knows it. */
export function ownOrigin(c: Context): string {
  return new URL(c.req.url).origin;
}

/** Notes each request for `GET /dev/requests`, but for those to the admin routes. */
export function recorder(state: DevState): Guard {
  return async (c, next) => {
    await next();
    if (/^\/dev(\/|$)/.test(c.req.path)) return;
    const token = c.get("token") as Token | undefined; // Unset where nobody looked.
    state.record({
      time: state.now().toISOString(),
      method: c.req.method,
      path: printable(c.req.path),
      status: c.req.raw.signal.aborted ? null : c.res.status,
      token_id: token?.id ?? null,
      user_agent: printable(c.req.header("user-agent") ?? "") || null,
    });
  };
}

/** Answers a known path with another method than its own: to be added after the routes. */
export function onlyMethods(
  app: Hono<DevEnv>,
  path: string,
  ...methods: string[]
): void {
  refuseOtherMethods(app, path, methods, (method, allow) =>
    problem(
      "method_not_allowed",
      `${method} is not possible here; possible: ${allow}.`,
      { Allow: allow },
    ));
}

/** {@linkcode onlyMethods} for a wire with an error shape of its own. */
export function refuseOtherMethods(
  app: Hono<DevEnv>,
  path: string,
  methods: string[],
  refuse: (method: string, allow: string) => Response,
): void {
  app.all(path, (c) => refuse(c.req.method, methods.join(", ")));
}

/** What looks as one of our tokens: ours, a user's of Coder's, an agent's of Coder's. */
const TOKENS =
  /nano_\w+|[\dA-Za-z]{10}-[\dA-Za-z]{22}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi;

/** Of bounded length, and without a token that was put where none belongs. */
function printable(text: string): string {
  return text.replace(TOKENS, "[secret]").slice(0, 500);
}
