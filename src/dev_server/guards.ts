import type { Context, Hono, MiddlewareHandler } from "hono";
import { isLoopback } from "../http/service_url.ts";
import { problem } from "./problems.ts";
import type { DevState, Token } from "./state.ts";

/** The per-request state of the handlers. */
export interface DevEnv {
  Variables: { token: Token };
}

/** Middleware that can refuse or annotate a request. */
export type Guard = MiddlewareHandler<DevEnv>;

/** Keeps every answer out of caches and other sites' frames, and stops MIME sniffing. */
export const safeHeaders: Guard = async (c, next) => {
  await next();
  c.header("Cache-Control", "no-store");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("X-Frame-Options", "DENY");
};

/** Refuses requests to any host but loopback (DNS rebinding). */
export const ownHostOnly: Guard = async (c, next) => {
  const host = c.req.header("host");
  const names = [c.req.url, ...host === undefined ? [] : [`http://${host}`]];
  if (names.every((url) => isLoopback(URL.parse(url)?.hostname ?? ""))) {
    return await next();
  }
  return problem("forbidden", "The Host header does not name this machine.");
};

/** Refuses requests that a browser sends for a page of another origin. */
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

/** {@linkcode ownOriginOnly} for every method but GET and HEAD. */
export const ownOriginToWrite: Guard = async (c, next) => {
  if (["GET", "HEAD"].includes(c.req.method)) return await next();
  return await ownOriginOnly(c, next);
};

/** The service's own origin, under the host name that the client used. */
export function ownOrigin(c: Context): string {
  return new URL(c.req.url).origin;
}

/** Records every request for `GET /dev/requests`, except those to the admin routes. */
export function recorder(state: DevState): Guard {
  return async (c, next) => {
    await next();
    if (/^\/dev(\/|$)/.test(c.req.path)) return;
    const token = c.get("token") as Token | undefined; // Unset if no route checked it.
    state.record({
      time: state.now().toISOString(),
      method: c.req.method,
      path: printable(state, c.req.path),
      status: c.req.raw.signal.aborted ? null : c.res.status,
      token_id: token?.id ?? null,
      user_agent: printable(state, c.req.header("user-agent") ?? "") || null,
    });
  };
}

/** Answers 405 for other methods on a known path. Call it after adding the routes. */
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

/** {@linkcode onlyMethods} for a wire with its own error format. */
export function refuseOtherMethods(
  app: Hono<DevEnv>,
  path: string,
  methods: string[],
  refuse: (method: string, allow: string) => Response,
): void {
  app.all(path, (c) => refuse(c.req.method, methods.join(", ")));
}

/** Anything that looks like a nanoservices token, a Coder user's or a Coder agent's. */
const TOKENS =
  /nano_\w+|[\dA-Za-z]{10}-[\dA-Za-z]{22}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gi;

/** Truncates the text, and redacts tokens that don't belong in it. */
function printable({ format }: DevState, text: string): string {
  return text.replace(format?.tokenPattern ?? TOKENS, "[secret]").slice(0, 500);
}
