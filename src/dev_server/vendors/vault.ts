import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import { isObject } from "../../json.ts";
import { Secret } from "../../secret.ts";
import { guardAdmin, integer, only, readBody } from "../admin_body.ts";
import { authenticate, type Wire } from "../authentication.ts";
import { type DevEnv, type Guard, onlyMethods } from "../guards.ts";
import { randomText } from "../random.ts";
import type { DevState, Token } from "../state.ts";
import {
  denied,
  errors,
  health,
  LIMIT,
  listed,
  logical,
  refuse,
  sealStatus,
} from "./vault_answers.ts";
import {
  type LeaseSettings,
  secondsOf,
  SYSTEM_MAX_TTL,
  VaultLeases,
} from "./vault_leases.ts";
import { noTrailingSlash, type Vendor } from "./vendor.ts";

const ADMIN = "/dev/vault";
const API = "/v1/";
const HEALTH = `${API}sys/health`;
const SEAL_STATUS = `${API}sys/seal-status`;
/** The most that the server reads of a body, in bytes. */
const MOST_BYTES = 32 * 1024 * 1024;

/** OpenBao, with HashiCorp Vault's API. The scopes are the policies of a token. */
export const vault: Vendor = {
  name: "vault",
  newToken: () => `hvs.${randomText(91)}`,
  scopes: ["default"],
  tokenPattern: /\b(hv)?[sbr]\.[\w-]{24,}/g,
  tokenPage: "/ui/",
  routes,
};

interface Settings extends LeaseSettings {
  sealed: boolean;
}

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const settings: Settings = {
    sealed: false,
    namespace: null,
    renewable: true,
    period: null,
    maxTtl: SYSTEM_MAX_TTL,
  };
  app.route("/", adminRoutes(settings));
  app.use("*", repeatNamespace);
  app.use(`${API}*`, quotaHeaders(state), limited);
  app.use(`${API}sys/*`, noTrailingSlash(denied));
  app.all(
    HEALTH,
    (c) =>
      headerNamespace(c) === ""
        ? health(c, settings.sealed, state.now())
        : errors(400, "operation unavailable in namespaces"),
  );
  app.all(SEAL_STATUS, (c) => sealStatus(c, settings.sealed));
  const guard = authenticate(state, wireOf(settings));
  app.use(`${API}*`, async (c, next) => {
    if (settings.sealed) return errors(503, "Vault is sealed");
    if (placeOf(c, settings)) return await guard(c, next);
    return errors(404, "namespace not found");
  });
  const operations = operationsOf(state, settings);
  app.all(`${API}*`, (c) => {
    const path = placeOf(c, settings)?.path ?? "";
    return operate(c, path, operations.get(path));
  });
  app.all("*", () => errors(404));
  return app;
}

const change = {
  sealed: v.optional(v.boolean("must be true or false")),
  namespace: v.optional(v.nullable(v.pipe(
    v.string("must be a path or null"),
    v.regex(/^[\w-]+(\/[\w-]+)*$/, "must be a path or null"),
  ))),
  renewable: v.optional(v.boolean("must be true or false")),
  period: v.optional(v.nullable(integer(1, SYSTEM_MAX_TTL))),
  max_ttl: v.optional(integer(1, SYSTEM_MAX_TTL)),
};

/** The admin route for what an operator of a Vault decides. */
function adminRoutes(settings: Settings): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const describe = ({ maxTtl, ...rest }: Settings) => (
    { ...rest, max_ttl: maxTtl }
  );
  guardAdmin(app, ADMIN);
  app.get(ADMIN, (c) => c.json(describe(settings)));
  app.patch(ADMIN, async (c) => {
    const wanted = await readBody(c, only(change));
    settings.sealed = wanted.sealed ?? settings.sealed;
    settings.renewable = wanted.renewable ?? settings.renewable;
    settings.maxTtl = wanted.max_ttl ?? settings.maxTtl;
    if (wanted.period !== undefined) settings.period = wanted.period;
    if (wanted.namespace !== undefined) settings.namespace = wanted.namespace;
    return c.json(describe(settings));
  });
  onlyMethods(app, ADMIN, "GET", "HEAD", "PATCH");
  return app;
}

/** What is at a path, and the methods for it, which the policy `default` permits. */
interface Operation {
  readonly methods: readonly string[];
  run(c: Context<DevEnv>, token: Token): Response | Promise<Response>;
}

function operationsOf(
  state: DevState,
  settings: Settings,
): ReadonlyMap<string, Operation> {
  const leases = new VaultLeases(state, settings);
  const id = (c: Context): string => presented(c)?.reveal() ?? "";
  const update = ["POST", "PUT"];
  return new Map<string, Operation>([
    ["auth/token/lookup-self", {
      methods: ["GET"],
      run: (c, token) => logical({ data: leases.describe(token, id(c)) }),
    }],
    ["auth/token/renew-self", {
      methods: update,
      run: async (c, token) => {
        const increment = await readIncrement(c);
        if (increment instanceof Response) return increment;
        const renewal = leases.renew(token, increment, id(c));
        if (renewal) return logical({ ...renewal });
        return errors(400, "lease is not renewable");
      },
    }],
    ["auth/token/revoke-self", {
      methods: update,
      run: (c, token) => {
        state.change(token, { state: "revoked" });
        return c.body(null, 204);
      },
    }],
  ]);
}

/** Policies come first: who may not use a path doesn't learn whether it is there. */
function operate(
  c: Context<DevEnv>,
  path: string,
  operation: Operation | undefined,
): Response | Promise<Response> {
  const token = c.get("token");
  const isPossible = operation?.methods.includes(c.req.method) ?? false;
  const isPermitted = token.scopes.includes("root") ||
    isPossible && token.scopes.includes("default");
  if (!isPermitted) return denied();
  if (operation === undefined) {
    const route = JSON.stringify(path);
    return errors(
      404,
      `no handler for route ${route}. route entry not found.`,
    );
  }
  if (isPossible) return operation.run(c, token);
  return errors(405, listed("unsupported operation"));
}

/** The seconds in the body; 0 for none, or the answer that refuses it. */
async function readIncrement(c: Context): Promise<number | Response> {
  const text = await c.req.text();
  let body: unknown = {};
  try {
    if (text !== "") body = JSON.parse(text);
  } catch {
    return errors(400, "failed to parse JSON input");
  }
  const increment = isObject(body) ? secondsOf(body.increment ?? 0) : undefined;
  return increment ??
    errors(400, 'error converting input for field "increment"');
}

/** The header counts first, and the scheme of the other one is in this spelling only. */
function presented(c: Context): Secret | undefined {
  const value = c.req.header("x-vault-token") ||
    /^Bearer (.*)$/.exec(c.req.header("authorization") ?? "")?.[1]?.trim();
  return value ? new Secret(value) : undefined;
}

/** Where a request goes: the path within its namespace; undefined if there is no such namespace. */
function placeOf(
  c: Context,
  { namespace }: Settings,
): { namespace: string | null; path: string } | undefined {
  const header = headerNamespace(c);
  const rest = c.req.path.slice(API.length);
  const path = header === "" ? rest : `${header}/${rest}`;
  if (namespace !== null && path.startsWith(`${namespace}/`)) {
    return { namespace, path: path.slice(namespace.length + 1) };
  }
  return header === "" ? { namespace: null, path } : undefined;
}

function headerNamespace(c: Context): string {
  return (c.req.header("x-vault-namespace") ?? "").replace(/^\/+|\/+$/g, "");
}

const repeatNamespace: Guard = async (c, next) => {
  await next();
  const sent = c.req.header("x-vault-namespace");
  if (sent) c.header("X-Vault-Namespace", sent);
};

/** The headers of the quota, which an operator has turned on. */
function quotaHeaders(state: DevState): Guard {
  return async (c, next) => {
    await next();
    if (c.res.headers.has("X-Ratelimit-Limit")) return;
    const token = c.get("token") as Token | undefined;
    const used = Math.min(token ? token.requests : 1, LIMIT);
    c.header("X-Ratelimit-Limit", `${LIMIT}`);
    c.header("X-Ratelimit-Remaining", `${LIMIT - used}`);
    c.header("X-Ratelimit-Reset", `${60 - state.now().getUTCSeconds()}`);
  };
}

const limited: Guard = bodyLimit({
  maxSize: MOST_BYTES,
  onError: () => errors(413, "http: request body too large"),
});

function wireOf(settings: Settings): Wire {
  return {
    // A token is not one in another namespace.
    presented: (c) =>
      placeOf(c, settings)?.namespace === settings.namespace
        ? presented(c)
        : undefined,
    refuse: (refusal, c) => refuse(refusal, placeOf(c, settings)?.path ?? ""),
  };
}
