import { Hono } from "hono/tiny";
import * as v from "valibot";
import {
  BadBody,
  guardAdmin,
  integer,
  only,
  readBody,
  text,
} from "./admin_body.ts";
import { INSTANCES } from "./clouds/cloud.ts";
import {
  type Failure,
  FAILURES,
  type InstanceIdentities,
} from "./clouds/identities.ts";
import { type DevEnv, onlyMethods } from "./guards.ts";

const PATH = "/dev/instance-identity";
const STATUSES = Object.keys(FAILURES).map(Number) as Failure["status"][];
const Change = only({
  session_lifetime: v.optional(integer(1, 366 * 24 * 60 * 60)),
  known: v.optional(v.boolean("must be true or false")),
  agents: v.optional(v.pipe(
    v.array(text, "must be a list of names"),
    v.minLength(1, "must have at least one name"),
    v.maxLength(20, "must have at most 20 names"),
  )),
  fail_status: v.optional(v.nullable(
    v.picklist(STATUSES, `must be one of ${STATUSES.join(", ")}, or null`),
  )),
  fail_times: v.optional(integer(1, 1000)),
});

/**
 * The admin route of the identity exchange, for rehearsals. It sets the sessions'
 * lifetime, whether the instances are known, their agents, and the status with
 * which the next exchanges fail; it also reports how many exchanges there were,
 * including refused ones.
 */
export function instanceIdentityAdminRoutes(
  identities: InstanceIdentities,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  guardAdmin(app, PATH);
  app.get(PATH, (c) => c.json(describe(identities)));
  app.patch(PATH, async (c) => {
    const change = await readBody(c, Change);
    const { session_lifetime, known, agents, fail_status, fail_times } = change;
    if (fail_times !== undefined && typeof fail_status !== "number") {
      throw new BadBody("fail_times goes with a fail_status.", "fail_times");
    }
    identities.sessionLifetime = session_lifetime ?? identities.sessionLifetime;
    identities.known = known ?? identities.known;
    identities.agents = agents ?? identities.agents;
    if (fail_status === null) identities.failure = undefined;
    else if (fail_status !== undefined) {
      const left = fail_times ?? Infinity;
      identities.failure = { status: fail_status, left };
    }
    return c.json(describe(identities));
  });
  onlyMethods(app, PATH, "GET", "HEAD", "PATCH");
  return app;
}

function describe(identities: InstanceIdentities): Record<string, unknown> {
  const { exchanges, sessionLifetime, known, agents, failure } = identities;
  return {
    exchanges,
    instances: INSTANCES,
    session_lifetime: sessionLifetime,
    known,
    agents,
    fail_status: failure?.status ?? null,
  };
}
