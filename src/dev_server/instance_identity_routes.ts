import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { Hono } from "hono/tiny";
import * as v from "valibot";
import { BadBody, readBody } from "./admin_body.ts";
import { type Cloud, CLOUDS, IdentityRefused } from "./clouds/cloud.ts";
import {
  FAILURES,
  type Identity,
  type InstanceIdentities,
} from "./clouds/identities.ts";
import { onlyCoderMethods } from "./coder_routes.ts";
import { coderError } from "./coder_wire.ts";
import { type DevEnv, onlyMethods } from "./guards.ts";
import { problem, type ProblemCode, statusOf } from "./problems.ts";
import { type DevState, type WireName, WIRES } from "./state.ts";

const PREFIXES: Record<WireName, string> = {
  nanoservices: "/v1/agents",
  coder: "/api/v2/workspaceagents",
};

const MOST = 64 * 1024;
const text = v.pipe(
  v.string("must be a string"),
  v.minLength(1, "must not be empty"),
);
const AGENT = {
  agent_name: v.optional(v.string("must be a string"), ""),
};
type Body<C extends Cloud> = Identity[C] & { agent_name: string };
const BODIES: { readonly [C in Cloud]: v.GenericSchema<unknown, Body<C>> } = {
  aws: v.object({ signature: text, document: text, ...AGENT }, "is missing"),
  azure: v.object(
    {
      signature: text,
      encoding: v.literal("pkcs7", "must be pkcs7"),
      ...AGENT,
    },
    "is missing",
  ),
  google: v.object({ json_web_token: text, ...AGENT }, "is missing"),
};

/** The exchange of an instance's identity for a session token, on both wires. */
export function instanceIdentityRoutes(
  state: DevState,
  identities: InstanceIdentities,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  for (const wire of WIRES) {
    const tooLarge = bodyLimit({
      maxSize: MOST,
      onError: () => refusal(wire, "too_large", "The body is over 64 KiB."),
    });
    for (const cloud of CLOUDS) {
      const path = `${PREFIXES[wire]}/${cloud}-instance-identity`;
      app.post(
        path,
        tooLarge,
        (c) => exchange(c, { state, identities, wire, cloud }),
      );
      if (wire === "coder") onlyCoderMethods(app, path, "POST");
      else onlyMethods(app, path, "POST");
    }
  }
  return app;
}

interface Exchange<C extends Cloud> {
  state: DevState;
  identities: InstanceIdentities;
  wire: WireName;
  cloud: C;
}

async function exchange<C extends Cloud>(
  c: Context,
  { state, identities, wire, cloud }: Exchange<C>,
): Promise<Response> {
  const failure = identities.count(cloud);
  if (failure !== undefined) {
    const code = FAILURES[failure];
    return refusal(wire, code, "The exchange failed, as rehearsed.");
  }
  try {
    const identity: Body<C> = await readBody(c, BODIES[cloud]);
    const instance = await identities.check(cloud, identity, wire);
    const agent = identities.choose(instance, identity.agent_name);
    return c.json(await newSession(state, wire, agent, identities));
  } catch (error) {
    if (error instanceof BadBody) {
      return refusal(wire, "invalid_request", error.detail);
    }
    if (!(error instanceof IdentityRefused)) throw error;
    return error.status === 409
      ? ambiguous(wire, identities.agents)
      : refusal(wire, CODES[error.status], error.message);
  }
}

const CODES = { 401: "token_invalid", 404: "not_found" } as const;

/** The answer if the instance has several agents. It may list them, as the instance has proved its identity. */
function ambiguous(wire: WireName, agents: readonly string[]): Response {
  const names = agents.toSorted();
  const detail = `Several agents are on this instance: name one of ${
    names.join(", ")
  }.`;
  if (wire === "nanoservices") {
    return problem("agent_ambiguous", detail, {}, { agents: names });
  }
  const message = `Multiple agents found. Set CODER_AGENT_NAME to one of: ${
    names.join(", ")
  }`;
  return Response.json({ message }, { status: statusOf("agent_ambiguous") });
}

/** A new session for the agent in the wire's format; Coder's never expires. */
async function newSession(
  state: DevState,
  wire: WireName,
  agent: string,
  { sessionLifetime }: InstanceIdentities,
): Promise<Record<string, unknown>> {
  const expiresAt = wire === "coder" ? null : state.fromNow(sessionLifetime);
  const choice = { name: `session of ${agent}`, agent, wire, expiresAt };
  const { secret } = await state.mint(choice);
  const session = { session_token: secret.reveal() };
  return expiresAt === null ? session : { ...session, expires_at: expiresAt };
}

/** An error in the wire's format. */
function refusal(wire: WireName, code: ProblemCode, detail: string): Response {
  if (wire === "nanoservices") return problem(code, detail);
  const message = "The instance identity was not exchanged.";
  return coderError(statusOf(code), message, detail);
}
