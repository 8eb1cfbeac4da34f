import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HttpClient } from "../../../src/http/client.ts";
import { Secret } from "../../../src/secret.ts";
import { loadService } from "../../../src/services/registry.ts";
import type { Service } from "../../../src/services/service.ts";
import { fixedToken } from "../../../src/tokens/fixed.ts";
import { FakeContext, rejectionOf } from "../../support/fake_context.ts";

/** A recorded answer, in the shape of the service's public documentation. */
interface Fixture {
  name: string;
  request: { method: string; path: string };
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

const NOW = new Date("2030-01-01T00:00:00Z");
const URL_OF_SERVICE = "https://service.example";

/** A client of a service that answers each path as recorded, and 404 to others. */
async function clientOf(
  service: string,
  fixtures: readonly Fixture[],
): Promise<{ api: Service; client: HttpClient; paths: string[] }> {
  const api = await loadService(service);
  const paths: string[] = [];
  const context = new FakeContext({
    now: NOW,
    answer: ({ method, url }) => {
      const { pathname } = new URL(url);
      paths.push(`${method} ${pathname}`);
      const found = fixtures.find(({ request }) =>
        request.method === method && request.path === pathname
      );
      return found ? responseOf(found) : new Response("{}", { status: 404 });
    },
  });
  const client = new HttpClient({
    context,
    baseUrl: api.apiUrl?.(URL_OF_SERVICE) ?? URL_OF_SERVICE,
    present: api.present,
    timeoutSeconds: 30,
    attempts: 1,
  });
  const secret = new Secret("a-token-of-the-fixtures");
  const provider = fixedToken({ secret }, "flag", "--token");
  return { api, client: client.withTokens(provider), paths };
}

function responseOf({ status, headers, body }: Fixture): Response {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const hasBody = body !== undefined && body !== null && status !== 204;
  return new Response(hasBody ? text : null, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

async function recorded(of: string): Promise<Fixture[]> {
  const path = new URL(`../fixtures/${of}.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(path));
}

const OCTAVIA = { username: "octavia", email: "octavia@example.com" };
const ADA = { username: "ada", email: "ada@example.com" };

/** What the recorded answers of these names come to. */
const ACCOUNTS: [
  of: string,
  service: string,
  names: string[],
  account: Record<string, unknown>,
][] = [
  ["github", "github", ["account", "emails"], {
    ...OCTAVIA,
    scopes: ["repo", "user"],
    expiresAt: "2030-01-31T09:00:00.000Z",
  }],
  ["github", "github", ["account_without_expiry", "emails"], {
    ...OCTAVIA,
    scopes: ["gist", "read:org", "repo"],
    expiresAt: null,
  }],
  ["gitlab", "gitlab", ["account", "token"], {
    ...OCTAVIA,
    scopes: ["api", "read_user"],
    expiresAt: "2030-10-31T00:00:00.000Z",
  }],
  ["gitlab", "gitlab", ["account", "token_without_expiry"], {
    ...OCTAVIA,
    scopes: ["api", "read_user"],
    expiresAt: null,
  }],
  ["gitlab", "gitlab", ["account", "token_of_oauth", "oauth_token_info"], {
    ...OCTAVIA,
    scopes: ["read_user"],
    expiresAt: "2030-01-01T01:58:20.000Z",
  }],
  ["gitea", "gitea", ["account", "token"], {
    ...OCTAVIA,
    scopes: ["read:user", "write:repository"],
    expiresAt: null,
  }],
  ["forgejo", "gitea", ["account", "no_token_route"], {
    ...OCTAVIA,
    expiryUnknown: true,
  }],
  ["bitbucket", "bitbucket", ["account", "emails"], {
    ...OCTAVIA,
    scopes: ["read:user:bitbucket", "read:repository:bitbucket"],
    expiryUnknown: true,
  }],
  ["digitalocean", "digitalocean", ["account", "expiry"], {
    username: "ada@example.com",
    email: "ada@example.com",
    scopes: ["account:read", "droplet:read", "reserved_ip:read"],
    expiresAt: "2030-01-30T23:59:50.000Z",
  }],
  ["digitalocean", "digitalocean", ["account_with_few_scopes", "no_expiry"], {
    username: "ada@example.com",
    email: "ada@example.com",
    scopes: ["account:read", "droplet:read", "reserved_ip:read"],
    expiresAt: null,
  }],
  ["npm", "npm", ["account", "email"], { ...ADA, expiryUnknown: true }],
  ["npm", "npm", ["account", "scope_missing"], {
    ...ADA,
    email: null,
    expiryUnknown: true,
  }],
  ["huggingface", "huggingface", ["account"], {
    ...ADA,
    scopes: ["read"],
    expiresAt: null,
  }],
  ["huggingface", "huggingface", ["account_oauth_without_email"], {
    username: "ada",
    email: null,
    expiresAt: "2030-01-01T08:00:00.000Z",
  }],
  ["vault", "vault", ["account"], {
    username: "ada",
    email: null,
    scopes: ["default", "readers"],
    expiresAt: "2030-01-31T00:00:00.466Z",
    renewable: true,
  }],
  ["vault", "vault", ["account_without_expiry"], {
    username: "root",
    email: null,
    scopes: ["root"],
    expiresAt: null,
  }],
];

/** What each recorded refusal is: its code, and in how many seconds another try makes sense. */
const REFUSALS: [
  of: string,
  service: string,
  name: string,
  code: string,
  seconds?: number,
][] = [
  ...["github", "gitlab", "gitea", "bitbucket", "digitalocean", "npm"]
    .map((of): [string, string, string, string] => [
      ...[of, of, "invalid"] as const,
      "token_invalid",
    ]),
  ["huggingface", "huggingface", "invalid", "token_invalid"],
  ["vault", "vault", "invalid", "token_invalid"],
  ["vault", "vault", "invalid_at_hashicorp", "token_invalid"],
  ["vault", "vault", "sealed", "service_error"],
  ["gitlab", "gitlab", "invalid_bearer", "token_invalid"],
  ["gitlab", "gitlab", "expired", "token_expired"],
  ["gitlab", "gitlab", "revoked", "token_revoked"],
  ["gitlab", "gitlab", "scope_missing", "insufficient_scope"],
  ["gitea", "gitea", "scope_missing", "insufficient_scope"],
  ["forgejo", "gitea", "scope_missing", "insufficient_scope"],
  ["bitbucket", "bitbucket", "scope_missing", "insufficient_scope"],
  ["bitbucket", "bitbucket", "no_scopes", "insufficient_scope"],
  ["digitalocean", "digitalocean", "scope_missing", "insufficient_scope"],
  ["github", "github", "rate_limited", "rate_limited", 3600],
  ["gitlab", "gitlab", "rate_limited", "rate_limited", 42],
  ["gitea", "gitea", "rate_limited", "rate_limited", 30],
  ["bitbucket", "bitbucket", "rate_limited", "rate_limited"],
  ["digitalocean", "digitalocean", "rate_limited", "rate_limited", 29],
  ["npm", "npm", "rate_limited", "rate_limited", 30],
  ["huggingface", "huggingface", "rate_limited", "rate_limited", 55],
  ["vault", "vault", "rate_limited", "rate_limited", 30],
  ["digitalocean", "digitalocean", "failing", "service_error"],
  ["npm", "npm", "failing", "service_error"],
  ["huggingface", "huggingface", "failing", "service_error"],
];

describe("a description reads what its service answers", () => {
  for (const [of, service, names, expected] of ACCOUNTS) {
    it(`of ${of}: ${names.join(", ")}`, async () => {
      const fixtures = (await recorded(of))
        .filter(({ name }) => names.includes(name));
      assertEquals(fixtures.length, names.length);
      const { api, client } = await clientOf(service, fixtures);
      const { expiresAt, ...account } = await api.whoami(client);
      const tells = account.expiryUnknown !== true;
      assertEquals({
        ...account,
        ...(tells ? { expiresAt: expiresAt?.toISOString() ?? null } : {}),
      }, expected);
    });
  }

  it("asks for no more than it needs", async () => {
    const { api, client, paths } = await clientOf(
      "gitlab",
      await recorded("gitlab"),
    );
    await api.whoami(client);
    assertEquals(paths, [
      "GET /api/v4/user",
      "GET /api/v4/personal_access_tokens/self",
    ]);
  });

  for (const [of, service, name, code, seconds] of REFUSALS) {
    it(`of ${of}: ${name} is ${code}`, async () => {
      const found = (await recorded(of)).find((one) => one.name === name);
      assert(found, name);
      const { api } = await clientOf(service, []);
      const { client } = await clientOf(service, [found]);
      const error = await rejectionOf(api.whoami(client));
      assertEquals(error.code, code, error.message);
      if (seconds !== undefined) {
        assertEquals(error.hint, `try again in ${seconds} seconds`);
      }
    });
  }

  it("prolongs a token of Vault", async () => {
    const fixtures = (await recorded("vault"))
      .filter(({ name }) => name === "renewed");
    const { api, client } = await clientOf("vault", fixtures);
    const renewed = await api.renew?.(client);
    assertEquals(
      renewed?.token.reveal(),
      "hvs.CAESIInvented0Fixture0Token0That0Is0Nobodys",
    );
    assertEquals(
      renewed?.expiresAt?.toISOString(),
      "2030-01-01T01:00:00.000Z",
    );
  });

  it("takes a token that Vault does not prolong for one that has ended", async () => {
    const fixtures = (await recorded("vault"))
      .filter(({ name }) => name === "not_renewable");
    const { api, client } = await clientOf("vault", fixtures);
    const { code } = await rejectionOf(
      api.renew?.(client) ?? Promise.resolve(),
    );
    assertEquals(code, "login_ended");
  });
});
