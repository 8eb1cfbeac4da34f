/** The service's problems, each with its HTTP status and reason phrase. */
const PROBLEMS = {
  invalid_request: [400, "Bad Request"],
  token_invalid: [401, "Unauthorized"],
  token_expired: [401, "Unauthorized"],
  token_revoked: [401, "Unauthorized"],
  insufficient_scope: [403, "Forbidden"],
  forbidden: [403, "Forbidden"],
  not_found: [404, "Not Found"],
  agent_ambiguous: [409, "Conflict"],
  method_not_allowed: [405, "Method Not Allowed"],
  too_large: [413, "Content Too Large"],
  rate_limited: [429, "Too Many Requests"],
  internal: [500, "Internal Server Error"],
  unavailable: [503, "Service Unavailable"],
} as const;

/** The `code` member of a problem, for programs to act on. */
export type ProblemCode = keyof typeof PROBLEMS;

/** A problem's HTTP status. */
export function statusOf(code: ProblemCode): number {
  return PROBLEMS[code][0];
}

/** The answer to an internal error, without its details. */
export function internalError(): Response {
  return problem("internal", "The service failed.");
}

/**
 * An RFC 9457 error answer. Its `type` is `about:blank`, so its `title` is the
 * status phrase (section 4.2.1); `code` is an extension member.
 *
 * @param detail One sentence for a person; never holds a token.
 * @param members Further extension members, such as the `field` at fault.
 */
export function problem(
  code: ProblemCode,
  detail: string,
  headers: Record<string, string> = {},
  members: Record<string, unknown> = {},
): Response {
  const [status, title] = PROBLEMS[code];
  const body = { type: "about:blank", title, status, detail, code, ...members };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}
