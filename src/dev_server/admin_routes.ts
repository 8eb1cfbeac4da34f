import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import {
  type DevEnv,
  type Guard,
  onlyMethods,
  ownOriginOnly,
} from "./guards.ts";
import { problem } from "./problems.ts";
import {
  type DevState,
  REHEARSED_STATES,
  type Token,
  TOKEN_STATES,
  type TokenChange,
  WIRES,
} from "./state.ts";

const HUNDRED_YEARS = 100 * 366 * 24 * 60 * 60;

// Own messages throughout: valibot's quote the value, which may be a secret.
const text = v.pipe(
  v.string("must be a string"),
  v.minLength(1, "must not be empty"),
  v.maxLength(256, "must be at most 256 characters"),
);
const number = (least: number, most: number): v.GenericSchema<number> => {
  const message = `must be a number from ${least} to ${most}`;
  return v.pipe(
    v.number(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
};
const integer = (least: number, most: number): v.GenericSchema<number> =>
  v.pipe(number(least, most), v.integer("must be a whole number"));

/** Says which fields there are when it meets another. */
const only = <T extends v.ObjectEntries>(
  entries: T,
): v.StrictObjectSchema<T, string> =>
  v.strictObject(
    entries,
    `is not a known field; known are ${Object.keys(entries).join(", ")}`,
  );

const change = {
  state: v.optional(
    v.picklist(TOKEN_STATES, `must be one of ${TOKEN_STATES.join(", ")}`),
  ),
  expires_in: v.optional(number(-HUNDRED_YEARS, HUNDRED_YEARS)),
  expires_at: v.optional(v.nullable(v.pipe(
    v.string("must be an RFC 3339 date and time, or null"),
    v.check(isRfc3339, "must be an RFC 3339 date and time, or null"),
  ))),
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

/** For which states an option means anything. */
const OPTION_STATES = {
  retry_after: ["rate_limited", "unavailable"],
  delay: ["slow"],
  fail_times: REHEARSED_STATES,
} as const;

/** A request that is refused for what is in its body. */
class Refusal extends Error {
  constructor(readonly detail: string, readonly field?: string) {
    super(detail);
  }
}

/** The most an admin route, or the page that mints, reads of a body: 64 KiB. */
export const limitedBody: Guard = bodyLimit({
  maxSize: 64 * 1024,
  onError: () => problem("too_large", "The body is larger than 64 KiB."),
});

/** The admin routes under `/dev/`, for rehearsals: they mint and change tokens, and list requests. */
export function adminRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.use("/dev/*", ownOriginOnly, limitedBody);
  app.onError((error) => {
    if (!(error instanceof Refusal)) throw error;
    const members = error.field === undefined ? {} : { field: error.field };
    return problem("invalid_request", error.detail, {}, members);
  });
  app.post("/dev/tokens", async (c) => {
    const { username, email, name, agent, wire, ...body } = await read(c, Mint);
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
    state.change(token, toChange(state, await read(c, Change), token));
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

/** A token as the admin routes show it, without its value. */
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

/** The body, checked; an empty one counts as `{}`. */
async function read<T extends v.GenericSchema>(
  c: Context,
  schema: T,
): Promise<v.InferOutput<T>> {
  const result = v.safeParse(schema, parse(await c.req.arrayBuffer()), {
    abortEarly: true,
  });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? "";
  throw new Refusal(`${field} ${issue.message}.`, field);
}

function parse(bytes: ArrayBuffer): object {
  let body: unknown = {};
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text !== "") body = JSON.parse(text);
  } catch {
    throw new Refusal("The body is not JSON.");
  }
  // Checked here because valibot takes a list for an object.
  if (typeof body === "object" && body !== null && !Array.isArray(body)) {
    return body;
  }
  throw new Refusal("The body is not a JSON object.");
}

/** What the fields mean together; refuses those that contradict each other. */
function toChange(
  state: DevState,
  body: ChangeBody,
  token?: Token,
): TokenChange {
  for (const [option, states] of Object.entries(OPTION_STATES)) {
    if (body[option as keyof typeof OPTION_STATES] === undefined) continue;
    if ((states as readonly unknown[]).includes(body.state)) continue;
    const which = states.join(", ");
    throw new Refusal(`${option} goes with a state of ${which}.`, option);
  }
  const expiresAt = expiry(state, body);
  if (body.state === "expired" && expiresAt && expiresAt > state.now()) {
    throw new Refusal("state is expired, but the expiry is to come.", "state");
  }
  const keepsExpiry = token !== undefined && expiresAt === undefined;
  const ends = body.state === "expired" || body.state === "revoked";
  const asks = body.state !== undefined && !ends;
  if (keepsExpiry && asks && state.hasExpired(token)) {
    throw new Refusal(
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

/** The expiry that a body asks for; undefined when it names none. */
function expiry(
  state: DevState,
  { expires_in, expires_at }: ChangeBody,
): Date | null | undefined {
  if (expires_in === undefined) {
    return typeof expires_at === "string"
      ? new Date(expires_at.toUpperCase())
      : expires_at;
  }
  if (expires_at === undefined) return state.fromNow(expires_in);
  throw new Refusal("expires_in cannot go with expires_at.", "expires_in");
}

/** RFC 3339, section 5.6, of a day that the calendar has; leap seconds aside. */
function isRfc3339(text: string): boolean {
  const [, year, month, day] =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i
      .exec(text) ?? [];
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return date.getUTCDate() === Number(day) &&
    date.getUTCMonth() + 1 === Number(month);
}
