import type { Context } from "hono";
import type { Refusal } from "../authentication.ts";

const VERSION = "2.4.1";
const CLUSTER = {
  cluster_name: "openbao-cluster-3bd69ca2",
  cluster_id: "00af5aa8-c87d-b5fc-e82e-97cd8dfaf731",
};
/** Requests of a client at a time, by the operator's quota. */
export const LIMIT = 1000;

/** The answer to a refused request; the path is that within its namespace. */
export function refuse(refusal: Refusal, path: string): Response {
  switch (refusal.reason) {
    case "absent":
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return errors(403, "permission denied");
    case "insufficient_scope":
      return denied();
    case "rate_limited": {
      const route = JSON.stringify(path);
      const text = `request path ${route}: rate limit quota exceeded`;
      return errors(429, text, {
        "X-Ratelimit-Limit": `${LIMIT}`,
        "X-Ratelimit-Remaining": "0",
        "X-Ratelimit-Reset": `${refusal.retryAfter}`,
        "Retry-After": `${refusal.retryAfter}`,
      });
    }
    case "failing":
      return errors(500, listed("internal error"));
    case "stopping":
      return errors(503, "Vault is sealed");
    case "unavailable": {
      const { retryAfter } = refusal;
      const headers = retryAfter === undefined
        ? undefined
        : { "Retry-After": `${retryAfter}` };
      return errors(503, "Vault is sealed", headers);
    }
  }
}

/** The answer for what the policies of a token do not permit. */
export function denied(): Response {
  return errors(403, listed("permission denied"));
}

/** How Go's multierror prints a list of one. */
export function listed(error: string): string {
  return `1 error occurred:\n\t* ${error}\n\n`;
}

/** An error answer; its list may be empty. */
export function errors(
  status: number,
  text?: string,
  headers: Record<string, string> = {},
): Response {
  const body = { errors: text === undefined ? [] : [text] };
  return Response.json(body, { status, headers });
}

/** The envelope of every answer to an operation. */
export function logical(members: Record<string, unknown>): Response {
  return Response.json({
    request_id: crypto.randomUUID(),
    lease_id: "",
    renewable: false,
    lease_duration: 0,
    data: null,
    wrap_info: null,
    warnings: null,
    auth: null,
    ...members,
  });
}

/** For everyone; the query can set the statuses. */
export function health(c: Context, sealed: boolean, now: Date): Response {
  if (!["GET", "HEAD"].includes(c.req.method)) return errors(405);
  const [name, usual] = sealed ? ["sealedcode", 503] : ["activecode", 200];
  const status = Number(c.req.query(name) ?? usual);
  // A Response with a body cannot have 204 or the like.
  if (
    !Number.isInteger(status) || status < 206 && status !== 200 || status > 599
  ) {
    return errors(400);
  }
  return Response.json({
    initialized: true,
    sealed,
    standby: false,
    replication_performance_mode: "disabled",
    replication_dr_mode: "disabled",
    server_time_utc: Math.floor(now.getTime() / 1000),
    version: VERSION,
    ...sealed ? {} : CLUSTER,
  }, { status });
}

/** For everyone: whether the server is sealed, and how. */
export function sealStatus(c: Context, sealed: boolean): Response {
  if (c.req.method !== "GET") return errors(405);
  return Response.json({
    type: "shamir",
    initialized: true,
    sealed,
    t: 3,
    n: 5,
    progress: 0,
    nonce: "",
    recovery_seal: false,
    version: VERSION,
    commit_date: "2029-11-03T08:34:11Z",
    migration: false,
    ...sealed ? {} : CLUSTER,
    storage_type: "raft",
  });
}
