import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { limitedBody } from "../admin_body.ts";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import type { DevEnv, Guard } from "../guards.ts";
import { randomHex } from "../random.ts";
import type { DevState, Token } from "../state.ts";
import {
  epochSeconds,
  noTrailingSlash,
  numberOf,
  tokenWithScheme,
  type Vendor,
} from "./vendor.ts";

/** Requests an hour with one token. */
const LIMIT = 5000;
const HOUR = 60 * 60;
const TEAM = "5df3e300-4a17-4242-b7c2-0ca6c9fc25b7";

/** DigitalOcean: its API, and under `/v1/oauth` the authorization server, which has a host of its own in reality. */
export const digitalocean: Vendor = {
  name: "digitalocean",
  newToken: () => `dop_v1_${randomHex(64)}`,
  scopes: ["account:read", "droplet:read", "reserved_ip:read"],
  tokenPattern: /do[opr]_v1_\w{16,}/g,
  tokenPage: "/account/api/tokens/new",
  routes,
};

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const wire: Wire = {
    presented: (c) => tokenWithScheme(c, "Bearer"),
    refuse: (refusal) => refuse(refusal, state),
  };
  app.use("*", requestId);
  app.use("/v2/*", rateHeaders(state));
  app.use("*", noTrailingSlash(notFound));
  app.get("/v2/account", authenticate(state, wire, "account:read"), (c) => {
    return c.json({ account: describe(c.get("token")) });
  });
  app.get("/v1/oauth/token/info", authenticate(state, wire), (c) => {
    const { user, scopes, expiresAt, createdAt } = c.get("token");
    const left = expiresAt && Number(expiresAt) - Number(state.now());
    return c.json({
      resource_owner_id: numberOf(user.id),
      scopes,
      expires_in_seconds: left && Math.floor(left / 1000),
      application: null,
      created_at: epochSeconds(createdAt),
    });
  });
  app.post(
    "/v1/oauth/revoke",
    limitedBody,
    authenticate(state, wire),
    async (c) => {
      const value = new URLSearchParams(await c.req.text()).get("token");
      if (!value) return problem(400, "bad_request", "There is no token.");
      const token = await state.find(new Secret(value));
      if (token?.user === c.get("token").user) {
        state.change(token, { state: "revoked" });
      }
      return c.json({});
    },
  );
  app.all("*", notFound);
  return app;
}

/** An error has the id of its request in the body too. */
const requestId: Guard = async (c, next) => {
  await next();
  if (c.res.headers.has("x-request-id")) return;
  c.header("x-request-id", crypto.randomUUID());
};

/** The headers on each answer of the API. A request counts for an hour, so the oldest one's end is the reset. */
function rateHeaders(state: DevState): Guard {
  const oldest = new WeakMap<Token, Date>();
  return async (c, next) => {
    await next();
    if (c.res.headers.has("ratelimit-limit")) return;
    const token = c.get("token") as Token | undefined;
    const since = token && oldest.get(token) || state.now();
    const isPast = Number(since) + HOUR * 1000 <= Number(state.now());
    const start = isPast ? state.now() : since;
    if (token) oldest.set(token, start);
    const used = Math.min(token?.requests ?? 0, LIMIT);
    const reset = new Date(start.getTime() + HOUR * 1000);
    c.header("ratelimit-limit", `${LIMIT}`);
    c.header("ratelimit-remaining", `${LIMIT - used}`);
    c.header("ratelimit-reset", `${epochSeconds(reset)}`);
  };
}

/** Expired and deleted tokens are no longer known. */
function refuse(refusal: Refusal, state: DevState): Response {
  switch (refusal.reason) {
    case "absent":
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return problem(401, "unauthorized", "Unable to authenticate you.");
    case "insufficient_scope":
      return problem(
        403,
        "forbidden",
        "You do not have permission to perform this action.",
      );
    case "rate_limited": {
      const { retryAfter } = refusal;
      return problem(429, "too_many_requests", "API rate limit exceeded.", {
        "ratelimit-limit": `${LIMIT}`,
        "ratelimit-remaining": "0",
        "ratelimit-reset": `${epochSeconds(state.fromNow(retryAfter))}`,
        "retry-after": `${retryAfter}`,
      });
    }
    case "failing":
      return problem(500, "server_error", "Unexpected server-side error");
    case "stopping":
      return unavailable();
    case "unavailable":
      return unavailable(refusal.retryAfter);
  }
}

function notFound(): Response {
  const message = "The resource you requested could not be found.";
  return problem(404, "not_found", message);
}

function unavailable(retryAfter?: number): Response {
  const headers = retryAfter === undefined
    ? undefined
    : { "retry-after": `${retryAfter}` };
  const message = "The service is not available.";
  return problem(503, "service_unavailable", message, headers);
}

function problem(
  status: number,
  id: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const request_id = crypto.randomUUID();
  return Response.json({ id, message, request_id }, {
    status,
    headers: { ...headers, "x-request-id": request_id },
  });
}

/** The account of a token, whose limits other scopes show. */
function describe({ user, scopes }: Token): Record<string, unknown> {
  const { id, username, email } = user;
  const limits = [
    ["droplet_limit", 25, "droplet:read"],
    ["floating_ip_limit", 5, "reserved_ip:read"],
  ] as const;
  return {
    ...Object.fromEntries(
      limits.filter(([, , scope]) => scopes.includes(scope)),
    ),
    email,
    name: username,
    uuid: hex40(id),
    email_verified: true,
    status: "active",
    status_message: "",
    team: { uuid: hex40(TEAM), name: "My Team" },
  };
}

/** Ids are 40 hexadecimal digits. */
function hex40(uuid: string): string {
  return uuid.replaceAll("-", "").padEnd(40, "0");
}
