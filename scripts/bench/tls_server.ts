/**
 * Answers over TLS what nanoctl and `gh api` ask, in a process of its own:
 *
 *   deno run -A scripts/bench/tls_server.ts <folder>
 *
 * Writes its authority's certificate to ca.pem in the folder. Prints one line of
 * JSON, with `url`, `host`, `token` and `ca`, and serves until it is ended.
 */

import { Authority } from "../../tests/support/certificates.ts";

const TOKEN = "nano_bench_of_requests";

const ANSWERS: Record<string, unknown> = {
  "/v1/me": {
    username: "ada",
    email: "ada@example.com",
    token: {
      id: "t",
      name: "bench",
      expires_at: null,
      scopes: ["account:read"],
    },
  },
  "/v1/external-auth/token": {
    access_token: "gho_given",
    token_type: "Bearer",
    expires_at: null,
    extra: {},
  },
  // GitHub Enterprise has its API below this path.
  "/api/v3/user": { login: "ada", id: 1, email: "ada@example.com" },
};

/** A request without the token gets 401, so that nobody measures a failure. */
function answer(request: Request): Response {
  const login = request.headers.get("authorization");
  if (login !== `Bearer ${TOKEN}` && login !== `token ${TOKEN}`) {
    return Response.json({ code: "token_invalid" }, { status: 401 });
  }
  const { pathname } = new URL(request.url);
  return Object.hasOwn(ANSWERS, pathname)
    ? Response.json(ANSWERS[pathname])
    : Response.json({ code: "not_found" }, { status: 404 });
}

const [folder = "."] = Deno.args;
const authority = await Authority.create();
const ca = `${folder}/ca.pem`;
await Deno.writeTextFile(ca, authority.pem);
const { cert, key } = await authority.issue();
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  cert,
  key,
  onListen: ({ port }) => {
    const host = `127.0.0.1:${port}`;
    const ready = { url: `https://${host}`, host, token: TOKEN, ca };
    Deno.stdout.writeSync(
      new TextEncoder().encode(`${JSON.stringify(ready)}\n`),
    );
  },
}, answer);
