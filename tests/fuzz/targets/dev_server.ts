import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import {
  type DevServer,
  startDevServer,
} from "../../../src/dev_server/server.ts";
import {
  anyBytes,
  anyText,
  binaryOf,
  bytesOf,
  editedJson,
  type JsonEdit,
  jsonEdits,
} from "../inputs.ts";
import { target } from "../target.ts";

const PATHS = [
  "/",
  "/settings/tokens",
  "/v1/me",
  "/v1/logout",
  "/v1/external-auth",
  "/v1/external-auth/token",
  "/v1/external-auth/token?id=github",
  "/v1/external-auth/token?match=https://github.com/a",
  "/v1/agents/aws-instance-identity",
  "/v1/agents/azure-instance-identity",
  "/v1/agents/google-instance-identity",
  "/api/v2/users/me",
  "/api/v2/users/me/keys/x",
  "/api/v2/users/logout",
  "/api/v2/external-auth",
  "/api/v2/workspaceagents/me/external-auth?id=github",
  "/api/v2/workspaceagents/aws-instance-identity",
  "/api/v2/workspaceagents/azure-instance-identity",
  "/api/v2/workspaceagents/google-instance-identity",
  "/latest/api/token",
  "/latest/dynamic/instance-identity/document",
  "/metadata/attested/document?api-version=2020-09-01",
  "/computeMetadata/v1/instance/service-accounts/default/identity?audience=a",
  "/dev/tokens",
  "/dev/tokens/x",
  "/dev/external-auth",
  "/dev/external-auth/github",
  "/dev/instance-identity",
  "/dev/requests",
  "/external-auth/github",
];

/** Bodies that the service takes, to be changed. */
const BODIES: Record<string, unknown>[] = [
  {
    username: "ada",
    email: "a@example.com",
    name: "n",
    agent: "main",
    wire: "coder",
    state: "expired",
    scopes: ["a"],
  },
  { state: "valid", expires_at: "2030-01-01T00:00:00Z" },
  { expires_in: 60, name: "n" },
  {
    id: "gitlab",
    name: "GitLab",
    match: "https://gitlab.example",
    connected: true,
    access_token: "t",
    token_type: "Bearer",
    extra: { a: [1] },
    expires_in: 60,
  },
  { session_lifetime: 60, known: true, fail_status: null },
  { signature: "c2ln", document: '{"instanceId":"i-1"}' },
  { signature: "c2ln", encoding: "pkcs7" },
  { json_web_token: "eyJhbGciOiJub25lIn0.e30.c2ln" },
];

/** What no client puts into a header. */
const UNSENDABLE = /[^\t\u0020-\u007e\u0080-\u00ff]/g;

type Input = {
  method: string;
  path: string;
  as: "nobody" | "token" | "agentToken" | "coderToken" | "coderAgentToken";
  headers: [name: string, value: string][];
  body?: { good: number; edits: JsonEdit[] } | { bytes: string } | undefined;
};

const inputs: fc.Arbitrary<Input> = fc.record({
  method: fc.oneof(
    {
      weight: 9,
      arbitrary: fc.constantFrom("GET", "POST", "PATCH", "PUT", "DELETE"),
    },
    { weight: 1, arbitrary: fc.constantFrom("HEAD", "OPTIONS", "BREW", "get") },
  ),
  path: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...PATHS) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom(...PATHS), anyText)
        .map(([path, text]) =>
          `${path}${path.includes("?") ? "&" : "?"}${text}`
        ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom(
          "/dev/tokens/",
          "/dev/external-auth/",
          "/external-auth/",
          "/api/v2/users/me/keys/",
          "/",
        ),
        anyText,
      ).map((parts) => parts.join("")),
    },
  ),
  as: fc.constantFrom(
    "nobody",
    "token",
    "agentToken",
    "coderToken",
    "coderAgentToken",
  ),
  headers: fc.array(
    fc.tuple(
      fc.constantFrom(
        "authorization",
        "coder-session-token",
        "content-type",
        "origin",
        "sec-fetch-site",
        "user-agent",
        "cookie",
        "metadata",
        "metadata-flavor",
        "x-forwarded-for",
        "x-aws-ec2-metadata-token-ttl-seconds",
        "x-aws-ec2-metadata-token",
      ),
      fc.oneof(
        anyText.map((text) => text.replace(UNSENDABLE, "")),
        fc.constantFrom("true", "Google", "60", "Bearer ", "Basic x", "null"),
      ),
    ),
    { maxLength: 3 },
  ),
  body: fc.option(
    fc.oneof(
      fc.record({ good: fc.nat(20), edits: jsonEdits }),
      fc.record({ good: fc.nat(20), edits: fc.constant<JsonEdit[]>([]) }),
      fc.record({
        bytes: fc.oneof(
          anyBytes,
          anyText.map(binaryOf),
          fc.tuple(
            fc.constantFrom("name", "expiry", "choice", "form_token"),
            anyText,
          ).map(([name, text]) => binaryOf(`${name}=${text}&expiry=1d`)),
        ),
      }),
    ),
    { nil: undefined },
  ),
});

/** After so many cases the service starts anew, so that what is in it stays small. */
const CASES_EACH = 500;

/** Any request to the embedded service: an answer of its own making, never its failure, and it lives on. */
export const devServer = target<Input>({
  name: "dev-server",
  inputs,
  open: async () => {
    let server = await started();
    let cases = 0;
    return {
      check: async (input) => {
        if (++cases % CASES_EACH === 0) {
          await server.shutdown();
          server = await started();
        }
        const request = requestOf(server, input);
        if (!request) return;
        const response = await fetch(request);
        const text = await response.text();
        const said = `${response.status} ${text.slice(0, 500)}`;
        assert(response.status < 500, said);
        assertFalse(/\n\s+at .*:\d+:\d+/.test(text), said);
        assertFalse(text.includes("Internal Server Error"), said);
        const type = response.headers.get("content-type") ?? "";
        if (/json/.test(type) && text !== "") JSON.parse(text);
        if (!new URL(request.url).pathname.startsWith("/latest")) {
          assertEquals(
            response.headers.get("x-content-type-options"),
            "nosniff",
            said,
          );
        }
      },
      close: () => server.shutdown(),
    };
  },
});

function started(): Promise<DevServer> {
  return startDevServer({
    hostname: "127.0.0.1",
    port: 0,
    metadata: ["aws", "azure", "google"],
  });
}

/** The request, undefined where no client could send it. */
function requestOf(server: DevServer, input: Input): Request | undefined {
  const headers = new Headers();
  if (input.as !== "nobody") {
    const token = server[input.as];
    if (input.as.startsWith("coder")) headers.set("coder-session-token", token);
    else headers.set("authorization", `Bearer ${token}`);
  }
  try {
    for (const [name, value] of input.headers) headers.set(name, value);
    const mayHaveBody = !["GET", "HEAD", "get"].includes(input.method);
    const body = mayHaveBody ? bodyOf(input.body) : undefined;
    return new Request(`${server.url}${input.path}`, {
      method: input.method,
      headers,
      redirect: "manual",
      ...body ? { body } : {},
    });
  } catch {
    return undefined;
  }
}

function bodyOf(body: Input["body"]): Uint8Array<ArrayBuffer> | undefined {
  if (!body) return undefined;
  if ("bytes" in body) return bytesOf(body.bytes);
  const good = BODIES[body.good % BODIES.length];
  return new TextEncoder().encode(editedJson(good, body.edits));
}
