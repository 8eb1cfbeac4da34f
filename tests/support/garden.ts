import { LEAST } from "./descriptions.ts";
import { type Caught, StrangeServer } from "./servers.ts";

/** The token that a garden accepts. */
export const GARDEN_TOKEN = "garden-key-0123456789abcdef";

/** How a garden answers to tokens that it refuses, by the token. */
const REFUSALS: Record<
  string,
  [status: number, body: unknown, headers?: Record<string, string>]
> = {
  "garden-key-of-yesterday": [401, { fault: { code: "E_OVER" } }],
  "garden-key-taken-back": [403, { fault: { code: "E_GONE" } }],
  "garden-key-too-weak": [403, { fault: { code: "E_WEAK" } }],
  "garden-key-too-often": [403, { fault: {} }, {
    "x-left": "0",
    "x-reset": "60",
  }],
  "garden-key-that-breaks": [418, { fault: { text: "a teapot" } }],
};

/** What a description of a garden says besides what it has to. */
export const GARDEN: Record<string, unknown> = {
  ...LEAST,
  api: "{url}/api",
  headers: { "x-garden-version": "2" },
  account: [
    {
      path: "/me",
      username: [{ field: "who.name" }],
      email: [{ field: "who.mail" }],
    },
    {
      path: "/key",
      unknown_on: [404],
      scopes: [{ field: "may" }],
      expires_at: [{ field: "ends", format: "unix" }],
    },
  ],
  revoke: { method: "DELETE", path: "/key" },
  refusals: [
    {
      status: [401],
      field: "fault.code",
      equals: "E_OVER",
      means: "token_expired",
    },
    {
      status: [403],
      field: "fault.code",
      equals: "E_GONE",
      means: "token_revoked",
    },
    {
      status: [403],
      header: "x-left",
      equals: "0",
      means: "rate_limited",
      until: [{ header: "x-reset", format: "seconds" }],
    },
    { status: [418], means: "service_error" },
  ],
  message: [{ field: "fault.text" }],
};

/** A service that no code of nanoctl knows. It serves files too. */
export class Garden extends StrangeServer {
  /** What is at a path that is none of its API. */
  readonly files: Map<string, () => Response>;

  constructor() {
    const files = new Map<string, () => Response>();
    super((request) => files.get(request.url.pathname)?.() ?? answer(request));
    this.files = files;
  }

  /** The requests that had this token in any header. */
  requestsWith(token: string): Caught[] {
    return this.caught.filter(({ headers, url }) =>
      `${url} ${[...headers].flat().join(" ")}`.includes(token)
    );
  }
}

function answer({ method, url, headers }: Caught): Response {
  const token = headers.get("x-garden-key") ?? "";
  const [status, body, more] = REFUSALS[token] ?? [401, { fault: {} }];
  if (token !== GARDEN_TOKEN) {
    return Response.json(body, { status, ...(more ? { headers: more } : {}) });
  }
  switch (`${method} ${url.pathname}`) {
    case "GET /api/me":
      return Response.json({ who: { name: "ada", mail: "ada@example.com" } });
    case "GET /api/key":
      return Response.json({ may: ["sow", "reap"], ends: 4_102_444_800 });
    case "DELETE /api/key":
      return new Response(null, { status: 204 });
    case "GET /api/beds":
      return Response.json([{ bed: 1 }]);
    default:
      return Response.json({ fault: {} }, { status: 404 });
  }
}
