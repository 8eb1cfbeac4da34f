import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { assertFails, Home, run, start, until } from "../support/nanoctl.ts";
import { deadUrl } from "../support/servers.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const ARGS = ["dev-server", "--port", "0"];

describe("nanoctl dev-server", () => {
  it("says the user, the token and commands to try, and they work", async () => {
    using home = new Home();
    const terminal = new Terminal(ARGS, { home });
    await terminal.waitFor("curl -X POST");
    const said = terminal.transcript;
    const url = /listens at (http:\/\/127\.0\.0\.1:\d+) /.exec(said)?.[1] ?? "";
    const token = /Token: (nano_\w+) \(.*in 30 days/.exec(said)?.[1] ?? "";
    assertMatch(said, /User: +ada <ada@example\.com>/);
    assertMatch(said, /Agent: nano_\w{40}/);
    assert(said.includes(`nanoctl login --url ${url}`), said);
    assert(
      said.includes(`NANOSERVICES_TOKEN=${token} nanoctl whoami --url ${url}`),
      said,
    );
    const { stdout } = await run(["whoami", "--url", url], {
      env: { NANOSERVICES_TOKEN: token },
    });
    assertEquals(stdout, "ada\n");
    const minted = await fetch(`${url}/dev/tokens`, {
      method: "POST",
      body: '{"state":"expired"}',
    });
    assertEquals([minted.status, (await minted.json()).state], [
      201,
      "expired",
    ]);
    await terminal.type(KEYS.ctrlC);
    const { code, before, after } = await terminal.end();
    assertEquals([code, after], [130, before]);
    assertEquals(home.entries(), []);
  });

  it("is the metadata service of the clouds that are named", async () => {
    const clouds = ["--metadata", "aws,google", "--metadata", "azure"];
    const child = start([...ARGS, ...clouds, "--json"]);
    const { url, metadata } = JSON.parse(await child.firstLine);
    const host = new URL(url).host;
    assertEquals(metadata, { aws: url, google: host, azure: url });
    const text = async (path: string, init: RequestInit): Promise<string> => {
      const response = await fetch(`${url}${path}`, init);
      assertEquals(response.status, 200);
      return await response.text();
    };
    const attested = await text(
      "/metadata/attested/document?api-version=2020-09-01",
      { headers: { Metadata: "true" } },
    );
    const json_web_token = await text(
      "/computeMetadata/v1/instance/service-accounts/default/identity?audience=nanoservices&format=full",
      { headers: { "Metadata-Flavor": "Google" } },
    );
    const header = "X-aws-ec2-metadata-token";
    const session = await text("/latest/api/token", {
      method: "PUT",
      headers: { [`${header}-ttl-seconds`]: "60" },
    });
    const identity = "/latest/dynamic/instance-identity";
    const init = { headers: { [header]: session } };
    const document = await text(`${identity}/document`, init);
    const signature = await text(`${identity}/signature`, init);
    const bodies = {
      aws: JSON.stringify({ document, signature }),
      azure: attested,
      google: JSON.stringify({ json_web_token }),
    };
    for (const [cloud, body] of Object.entries(bodies)) {
      const path = `/v1/agents/${cloud}-instance-identity`;
      const answer = JSON.parse(await text(path, { method: "POST", body }));
      assertMatch(answer.session_token, /^nano_\w{40}$/);
    }
    child.kill("SIGINT");
    assertEquals((await child.end()).code, 130);
  });

  it("refuses to be the metadata service of what is no cloud", async () => {
    await assertFails([...ARGS, "--metadata", "gcp"], {}, {
      exit: 2,
      code: "usage",
      message: /--metadata "gcp" is no cloud/,
      hint: /aws, azure, google/,
    });
  });

  for (const how of ["", "duplicate,"]) {
    it(`listens where it says and nowhere else, with DENO_SERVE_ADDRESS=${how}…`, async () => {
      const other = deadUrl().replace("http://", "");
      const child = start([...ARGS, "--json"], {
        env: { DENO_SERVE_ADDRESS: `${how}tcp:${other}` },
      });
      const { url } = JSON.parse(await child.firstLine);
      assertEquals(url === `http://${other}`, false);
      assertEquals((await fetch(`${url}/`)).ok, true);
      await assertRejects(() => fetch(`http://${other}/`), TypeError);
      child.kill("SIGINT");
      await child.end();
    });
  }

  it("prints one JSON line with --json, and nothing else", async () => {
    const child = start([...ARGS, "--json"]);
    const { url, token, expires_at, ...more } = JSON.parse(
      await child.firstLine,
    );
    const { agent_token, coder_token, coder_agent_token, ...rest } = more;
    assertEquals(rest, { username: "ada", email: "ada@example.com" });
    assertMatch(agent_token, /^nano_\w{40}$/);
    assertMatch(coder_token, /^[0-9A-Za-z]{10}-[0-9A-Za-z]{22}$/);
    assertMatch(coder_agent_token, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    const session = { "Coder-Session-Token": coder_agent_token };
    const asked = await fetch(
      `${url}/api/v2/workspaceagents/me/external-auth?id=github`,
      { headers: session },
    );
    assertEquals((await asked.json()).url, `${url}/external-auth/github`);
    assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assertMatch(token, /^nano_\w{40}$/);
    assertEquals(new Date(expires_at).toISOString(), expires_at);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stdout.split("\n").length], [130, 2]);
    assertEquals(JSON.parse(stderr).error.code, "interrupted");
  });

  it("is another service with --as", async () => {
    const child = start([...ARGS, "--as", "github", "--json"]);
    const { url, token, expires_at, ...rest } = JSON.parse(
      await child.firstLine,
    );
    assertEquals(rest, { username: "ada", email: "ada@example.com" });
    assertMatch(token, /^ghp_\w{36}$/);
    const headers = { Authorization: `Bearer ${token}` };
    const asked = await fetch(`${url}/api/v3/user`, { headers });
    assertEquals((await asked.json()).login, "ada");
    const expiry = asked.headers.get("github-authentication-token-expiration");
    assertEquals(
      expiry,
      `${expires_at.slice(0, 10)} ${expires_at.slice(11, 19)} UTC`,
    );
    child.kill("SIGINT");
    assertEquals((await child.end()).code, 130);
  });

  it("ends on SIGTERM, with a request under way", async () => {
    const child = start([...ARGS, "--json"]);
    const { url } = JSON.parse(await child.firstLine);
    const body = '{"state":"slow","delay":600}';
    const minted = await fetch(`${url}/dev/tokens`, { method: "POST", body });
    const { token, id } = await minted.json();
    const slow = run(["whoami", "--url", url, "--token", token]);
    await until(async () => {
      const answer = await fetch(`${url}/dev/tokens/${id}`);
      return (await answer.json()).requests > 0;
    }, "the request is under way");
    child.kill("SIGTERM");
    assertEquals((await child.end()).stderr, "");
    assertEquals((await slow).code, 5);
  });

  for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
    it(`refuses to listen on ${host}`, async () => {
      await assertFails([...ARGS, "--host", host], {}, {
        exit: 2,
        code: "usage",
        message: /listens on loopback only/,
        hint: /127\.0\.0\.1/,
      });
    });
  }

  it("exits 1 when the port is taken", async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    await assertFails(["dev-server", "--port", `${port}`], {}, {
      exit: 1,
      code: "failed",
      message: new RegExp(`port ${port} .*in use`),
      hint: /--port 0/,
    });
  });
});
