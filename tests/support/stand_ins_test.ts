import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { CoderService } from "./coder_service.ts";
import {
  AWS_DOCUMENT,
  AWS_SIGNATURE,
  AZURE_SIGNATURE,
  type Cloud,
  CLOUDS,
  googleToken,
  type MetadataStandIn,
  startMetadata,
} from "./metadata_services.ts";
import { installKeyServices } from "./key_services.ts";
import { Home, until } from "./nanoctl.ts";
import { runScript } from "./store_files.ts";

/** A fully read answer. */
async function ask(
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(url, init);
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

describe("the stand-in for a metadata service is as strict as the real one", () => {
  const services = new Map<Cloud, MetadataStandIn>();

  beforeAll(() => {
    for (const cloud of CLOUDS) services.set(cloud, startMetadata(cloud));
  });
  afterAll(async () => {
    for (const service of services.values()) {
      await service[Symbol.asyncDispose]();
    }
    services.clear();
  });

  const DOCUMENT = "/latest/dynamic/instance-identity/document";
  const TTL = "x-aws-ec2-metadata-token-ttl-seconds";
  const ATTESTED = "/metadata/attested/document";
  const IDENTITY =
    "/computeMetadata/v1/instance/service-accounts/default/identity";
  const refusals: [
    what: string,
    cloud: Cloud,
    path: string,
    init: RequestInit,
    status: number,
  ][] = [
    ["a document without a token", "aws", DOCUMENT, {}, 401],
    [
      "a token that it never gave",
      "aws",
      DOCUMENT,
      { headers: { "x-aws-ec2-metadata-token": "AQAAA" } },
      401,
    ],
    ["a token by GET", "aws", "/latest/api/token", {}, 405],
    [
      "a token without a time to live",
      "aws",
      "/latest/api/token",
      { method: "PUT" },
      400,
    ],
    [
      "a token that lives too long",
      "aws",
      "/latest/api/token",
      { method: "PUT", headers: { [TTL]: "21601" } },
      400,
    ],
    [
      "a request without the header",
      "azure",
      `${ATTESTED}?api-version=2020-09-01`,
      {},
      400,
    ],
    [
      "a request without a version",
      "azure",
      ATTESTED,
      { headers: { metadata: "true" } },
      400,
    ],
    [
      "a request without the header",
      "google",
      `${IDENTITY}?audience=a`,
      {},
      403,
    ],
    [
      "a request without an audience",
      "google",
      IDENTITY,
      { headers: { "metadata-flavor": "Google" } },
      400,
    ],
  ];
  for (const [what, cloud, path, init, status] of refusals) {
    it(`${cloud} refuses ${what} with ${status}`, async () => {
      const answer = await ask(`${services.get(cloud)?.url}${path}`, init);
      assertEquals(answer.status, status);
    });
  }
});

describe("the stand-in for a Coder deployment", () => {
  let coder: CoderService;

  beforeAll(() => {
    coder = new CoderService();
  });
  afterAll(() => coder[Symbol.asyncDispose]());

  function get(path: string, token: string): ReturnType<typeof ask> {
    return ask(`${coder.url}/api/v2${path}`, {
      headers: { "coder-session-token": token },
    });
  }

  it("gives keys of the form that Coder's have", async () => {
    const key = coder.addKey();
    assertMatch(key.token, /^[A-Za-z0-9]{10}-[A-Za-z0-9]{22}$/);
    const { status, headers } = await get("/users/me", key.token);
    assertEquals(
      [status, headers.get("content-type")],
      [200, "application/json; charset=utf-8"],
    );
  });

  it("takes no token from anywhere but its header", async () => {
    const { token } = coder.addKey();
    const { status } = await ask(`${coder.url}/api/v2/users/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assertEquals(status, 401);
  });

  it("makes a listener wait until someone has connected", async () => {
    const { token } = coder.addAgent();
    const slack = { id: "slack", type: "slack", displayName: "Slack" };
    coder.setProvider(slack);
    const path = "/workspaceagents/me/external-auth?id=slack&listen";
    let isThere = false;
    const listening = get(path, token).finally(() => isThere = true);
    await until(
      () => coder.requests.some(({ query }) => query.endsWith("&listen")),
      "the request is there",
    );
    assertEquals(isThere, false);
    coder.setProvider({ ...slack, link: { accessToken: "xoxp-1" } });
    assertEquals(JSON.parse((await listening).text).access_token, "xoxp-1");
  });

  it("finds a provider by the URL that it is for, or by its id, and not by both", async () => {
    const { token } = coder.addAgent();
    coder.setProvider({
      id: "github",
      type: "github",
      displayName: "GitHub",
      regex: /^https:\/\/github\.com\b/,
    });
    const path = "/workspaceagents/me/external-auth";
    const match = encodeURIComponent("https://github.com/a/b.git");
    const statuses = [];
    for (
      const query of [
        `?match=${match}`,
        "?id=github",
        "?match=https://gitlab.com/",
        "",
        `?id=github&match=${match}`,
      ]
    ) statuses.push((await get(path + query, token)).status);
    assertEquals(statuses, [200, 200, 404, 400, 400]);
  });

  const proofs: [cloud: Cloud, body: Record<string, string>][] = [
    ["aws", { signature: AWS_SIGNATURE, document: AWS_DOCUMENT }],
    ["azure", { signature: AZURE_SIGNATURE, encoding: "pkcs7" }],
    ["google", { json_web_token: googleToken("coder") }],
  ];
  for (const [cloud, body] of proofs) {
    it(`checks the shape of what proves an instance of ${cloud}`, async () => {
      await using own = new CoderService();
      const url =
        `${own.url}/api/v2/workspaceagents/${cloud}-instance-identity`;
      const post = (value: unknown): ReturnType<typeof ask> =>
        ask(url, { method: "POST", body: JSON.stringify(value) });
      assertEquals((await post(body)).status, 404);
      const agent = own.addAgent(cloud);
      const { status, text } = await post(body);
      assertEquals([status, JSON.parse(text)], [200, {
        session_token: agent.token,
      }]);
      for (const field of Object.keys(body)) {
        const without = await post({ ...body, [field]: "" });
        assertEquals(without.status, 400);
        assertEquals(JSON.parse(without.text).validations[0].field, field);
      }
      const [first = ""] = Object.keys(body);
      assertEquals((await post({ ...body, [first]: "%" })).status, 401);
    });
  }
});

describe("the stand-in for a service that keeps a key", () => {
  const refusals = [
    "vault write -f transit/keys/nanoctl",
    "vault write -field=ciphertext transit/encrypt/nanoctl plaintext=-",
    "vault read transit/keys/nanoctl",
    "aws kms encrypt --key-id alias/other",
    "aws kms decrypt --key-id alias/nanoctl --encryption-context use=nanoctl " +
    "--ciphertext-blob fileb:///dev/stdin --query Plaintext --output text",
    "gcloud kms encrypt --key=data-key",
    "gcloud kms decrypt --location=global --keyring=nanoctl --key=data-key " +
    "--ciphertext-file=- --plaintext-file=-",
    "az keyvault key encrypt --value @-",
    "az keyvault key decrypt --id https://my-vault.vault.azure.net/keys/nanoctl/0123456789abcdef0123456789abcdef " +
    "--algorithm RSA-OAEP-256 --data-type base64 --value @- --query result --output tsv",
    "age-plugin-yubikey --generate",
  ];
  for (const line of refusals) {
    it(`refuses what it doesn't know, or never wrapped: ${line}`, async () => {
      using home = new Home();
      installKeyServices(home.path);
      const { code, stdout, stderr } = await runScript(
        `echo bm90IGl0cyBvd24K | ${home.path}/${line}`,
      );
      assertEquals([code, stdout], [9, ""]);
      assertMatch(stderr, /^\S+ refuses /);
    });
  }
});
