import { Hono } from "hono/tiny";
import * as v from "valibot";
import { isObject } from "../json.ts";
import {
  BadBody,
  expiry,
  expiryFields,
  guardAdmin,
  only,
  readBody,
  text,
} from "./admin_body.ts";
import type {
  ConnectionChoice,
  ExternalAuth,
  Provider,
} from "./external_auth.ts";
import { type DevEnv, onlyMethods } from "./guards.ts";
import { problem } from "./problems.ts";
import type { DevState } from "./state.ts";

const change = {
  name: v.optional(text),
  match: v.optional(v.nullable(v.pipe(
    text,
    v.check(isPattern, "must be a regular expression or the start of a URL"),
  ))),
  connected: v.optional(v.boolean("must be true or false")),
  access_token: v.optional(v.pipe(
    v.string("must be a string"),
    v.minLength(1, "must not be empty"),
    v.maxLength(4096, "must be at most 4096 characters"),
  )),
  token_type: v.optional(text),
  // Not v.record, which accepts an array as an object.
  extra: v.optional(v.custom<Record<string, unknown>>(
    isObject,
    "must be a JSON object",
  )),
  ...expiryFields,
};
const Change = only(change);
const Add = only({
  id: v.pipe(
    text,
    v.regex(
      /^[A-Za-z\d][\w.-]{0,63}$/,
      "must be letters, digits, dots, hyphens and underscores, at most 64",
    ),
  ),
  ...change,
});
type ChangeBody = v.InferOutput<typeof Change>;

/** The fields that apply only to a connected provider. */
const OF_CONNECTION = [
  "access_token",
  "token_type",
  "expires_in",
  "expires_at",
  "extra",
] as const;

/** The admin routes under `/dev/external-auth`: they add, connect, change and remove providers. */
export function externalAuthAdminRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { externalAuth } = state;
  guardAdmin(app, "/dev/external-auth/*");
  app.get("/dev/external-auth", (c) => {
    const providers = externalAuth.providers()
      .map((provider) => describe(externalAuth, provider));
    return c.json({ providers });
  });
  app.post("/dev/external-auth", async (c) => {
    const { id, ...body } = await readBody(c, Add);
    if (externalAuth.byId(id)) {
      throw new BadBody("id is that of a provider that is there.", "id");
    }
    const choice = toChoice(state, body, false);
    const provider = externalAuth.add(id, body.name ?? id);
    apply(externalAuth, provider, body, choice);
    c.header("Location", `/dev/external-auth/${id}`);
    return c.json(describe(externalAuth, provider), 201);
  });
  app.get("/dev/external-auth/:id", (c) => {
    const provider = externalAuth.byId(c.req.param("id"));
    return provider ? c.json(describe(externalAuth, provider)) : noProvider();
  });
  app.patch("/dev/external-auth/:id", async (c) => {
    const provider = externalAuth.byId(c.req.param("id"));
    if (provider === undefined) return noProvider();
    const body = await readBody(c, Change);
    const choice = toChoice(state, body, provider.connection !== null);
    apply(externalAuth, provider, body, choice);
    return c.json(describe(externalAuth, provider));
  });
  app.delete("/dev/external-auth/:id", (c) => {
    const provider = externalAuth.byId(c.req.param("id"));
    if (provider === undefined) return noProvider();
    externalAuth.remove(provider);
    return c.body(null, 204);
  });
  onlyMethods(app, "/dev/external-auth", "GET", "HEAD", "POST");
  onlyMethods(
    app,
    "/dev/external-auth/:id",
    "GET",
    "HEAD",
    "PATCH",
    "DELETE",
  );
  return app;
}

function noProvider(): Response {
  return problem("not_found", "There is no external provider with this id.");
}

/** A provider as the admin routes return it, without its access token. */
function describe(
  externalAuth: ExternalAuth,
  provider: Provider,
): Record<string, unknown> {
  const { id, name, match, connection } = provider;
  return {
    id,
    name,
    match,
    connected: externalAuth.connectionOf(provider) !== undefined,
    token_type: connection?.tokenType ?? null,
    expires_at: connection?.expiresAt ?? null,
    extra: connection?.extra ?? null,
  };
}

/** Combines the fields. Throws a {@linkcode BadBody} if one needs a connection and there is none. */
function toChoice(
  state: DevState,
  body: ChangeBody,
  isConnected: boolean,
): ConnectionChoice {
  const field = OF_CONNECTION.find((name) => body[name] !== undefined);
  if (field !== undefined && !(body.connected ?? isConnected)) {
    throw new BadBody(`${field} goes with connected: true.`, field);
  }
  return {
    accessToken: body.access_token,
    tokenType: body.token_type,
    expiresAt: expiry(state, body),
    extra: body.extra,
  };
}

function apply(
  externalAuth: ExternalAuth,
  provider: Provider,
  { name, match, connected }: ChangeBody,
  choice: ConnectionChoice,
): void {
  if (name !== undefined) provider.name = name;
  if (match !== undefined) provider.match = match;
  if (connected === true) externalAuth.connect(provider, choice);
  if (connected === false) externalAuth.disconnect(provider);
  if (connected === undefined && provider.connection !== null) {
    externalAuth.change(provider.connection, choice);
  }
}

/** Whether it is valid for `isMatch`. */
function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return /^https?:\/\//.test(text);
  }
}
