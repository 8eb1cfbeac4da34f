import { Hono } from "hono/tiny";
import * as v from "valibot";
import {
  BadBody,
  expiry,
  expiryFields,
  guardAdmin,
  integer,
  number,
  only,
  readBody,
  text,
} from "./admin_body.ts";
import { type DevEnv, onlyMethods } from "./guards.ts";
import { problem } from "./problems.ts";
import {
  type DevState,
  REHEARSED_STATES,
  type Token,
  TOKEN_STATES,
  type TokenChange,
  WIRES,
} from "./state.ts";

const change = {
  state: v.optional(
    v.picklist(TOKEN_STATES, `must be one of ${TOKEN_STATES.join(", ")}`),
  ),
  ...expiryFields,
  scopes: v.optional(v.pipe(
    v.array(
      v.pipe(
        v.string("must be a string"),
        // RFC 6749, section 3.3.
        v.regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, "must be a scope"),
      ),
      "must be a list of scopes",
    ),
    v.maxLength(64, "must be at most 64 scopes"),
  )),
  retry_after: v.optional(integer(0, 86_400)),
  delay: v.optional(number(0, 600)),
  fail_times: v.optional(integer(1, 1000)),
};
const Change = only(change);
const Mint = only({
  username: v.optional(text),
  email: v.optional(text),
  name: v.optional(text),
  agent: v.optional(text),
  wire: v.optional(
    v.picklist(WIRES, `must be one of ${WIRES.join(", ")}`),
  ),
  ...change,
});
type ChangeBody = v.InferOutput<typeof Change>;

/** The states that each option applies to. */
const OPTION_STATES = {
  retry_after: ["rate_limited", "unavailable"],
  delay: ["slow"],
  fail_times: REHEARSED_STATES,
} as const;

/** The admin routes under `/dev/`, for rehearsals: they create and change tokens, and list requests. */
export function adminRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  guardAdmin(app, "/dev/*");
  app.post("/dev/tokens", async (c) => {
    const { username, email, name, agent, wire, ...body } = await readBody(
      c,
      Mint,
    );
    if (state.format && (agent ?? wire) !== undefined) {
      const field = agent === undefined ? "wire" : "agent";
      throw new BadBody(`${field} cannot go with --as.`, field);
    }
    const choice = toChange(state, body);
    const { secret, token } = await state.mint(
      { username, email, name, agent, wire, ...choice },
    );
    c.header("Location", `/dev/tokens/${token.id}`);
    return c.json({ token: secret.reveal(), ...describe(state, token) }, 201);
  });
  app.get("/dev/tokens", (c) => {
    const tokens = state.tokens().map((token) => describe(state, token));
    return c.json({ tokens });
  });
  app.get("/dev/tokens/:id", (c) => {
    const token = state.byId(c.req.param("id"));
    return token ? c.json(describe(state, token)) : noToken();
  });
  app.patch("/dev/tokens/:id", async (c) => {
    const token = state.byId(c.req.param("id"));
    if (token === undefined) return noToken();
    state.change(token, toChange(state, await readBody(c, Change), token));
    return c.json(describe(state, token));
  });
  app.get("/dev/requests", (c) => c.json({ requests: state.requests() }));
  app.delete("/dev/requests", (c) => {
    state.clearRequests();
    return c.body(null, 204);
  });
  onlyMethods(app, "/dev/tokens", "GET", "HEAD", "POST");
  onlyMethods(app, "/dev/tokens/:id", "GET", "HEAD", "PATCH");
  onlyMethods(app, "/dev/requests", "GET", "HEAD", "DELETE");
  return app;
}

function noToken(): Response {
  return problem("not_found", "There is no token with this id.");
}

/** A token as the admin routes return it, without its value. */
function describe(state: DevState, token: Token): Record<string, unknown> {
  const { id, name, user, agent, expiresAt, scopes, requests } = token;
  return {
    id,
    name,
    username: user.username,
    email: user.email,
    agent,
    expires_at: expiresAt,
    scopes,
    state: state.stateOf(token),
    requests,
  };
}

/** Combines the fields into a change. Throws a {@linkcode BadBody} if they contradict each other. */
function toChange(
  state: DevState,
  body: ChangeBody,
  token?: Token,
): TokenChange {
  for (const [option, states] of Object.entries(OPTION_STATES)) {
    if (body[option as keyof typeof OPTION_STATES] === undefined) continue;
    if ((states as readonly unknown[]).includes(body.state)) continue;
    const which = states.join(", ");
    throw new BadBody(`${option} goes with a state of ${which}.`, option);
  }
  const expiresAt = expiry(state, body);
  if (body.state === "expired" && expiresAt && expiresAt > state.now()) {
    throw new BadBody("state is expired, but the expiry is to come.", "state");
  }
  const keepsExpiry = token !== undefined && expiresAt === undefined;
  const ends = body.state === "expired" || body.state === "revoked";
  const asks = body.state !== undefined && !ends;
  if (keepsExpiry && asks && state.hasExpired(token)) {
    throw new BadBody(
      `state cannot be ${body.state}: the token has expired; give expires_in or expires_at with it.`,
      "state",
    );
  }
  return {
    state: body.state,
    expiresAt,
    scopes: body.scopes,
    retryAfter: body.retry_after,
    delay: body.delay,
    failTimes: body.fail_times,
  };
}
