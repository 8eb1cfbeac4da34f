import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { devServer, runDevServer } from "../../src/cli/commands/dev_server.ts";
import { VENDOR_NAMES } from "../../src/dev_server/vendors/registry.ts";
import { FakeContext, rejectionOf } from "../support/fake_context.ts";

/** Waits until something was written, then presses Ctrl-C. */
function untilWritten(context: FakeContext, last: RegExp): void {
  for (const stream of [context.stdout, context.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = async (text): Promise<void> => {
      await write(text);
      if (last.test(String(text))) queueMicrotask(() => context.interrupt());
    };
  }
}

describe("dev-server", () => {
  it("says on stderr where it listens, who may log in, and what to try, until Ctrl-C", async () => {
    const context = new FakeContext();
    untilWritten(context, /curl/);
    const error = await rejectionOf(runDevServer(context, { port: 0 }));
    assertEquals(error.exitCode, 130);
    assertEquals(context.stdout.text, "");
    const text = context.stderr.text;
    const [url] = text.match(/http:\/\/127\.0\.0\.1:\d+/) ?? [];
    const [token] = text.match(/nano_\w+/) ?? [];
    assert(text.includes(`nanoctl login --url ${url}\n`), text);
    assert(text.includes(`NANOSERVICES_TOKEN=${token} nanoctl whoami`), text);
    assert(text.includes("ada <ada@example.com>"), text);
    const tokens = text.match(/(?<=Agent: )nano_\w{40}$/m) ?? [];
    assertEquals(tokens.length, 1, text);
    assert(tokens[0] !== token);
    assert(text.includes("expires on 2026-02-14 (in 30 days)"), text);
  });

  it("prints one JSON line with --json", async () => {
    const context = new FakeContext();
    untilWritten(context, /token/);
    await rejectionOf(runDevServer(context, { port: 0, json: true }));
    assertEquals(context.stdout.lines.length, 1);
    const printed = JSON.parse(context.stdout.text);
    assertEquals(Object.keys(printed).sort(), [
      "agent_token",
      "coder_agent_token",
      "coder_token",
      "email",
      "expires_at",
      "token",
      "url",
      "username",
    ]);
    assertEquals(printed.expires_at, "2026-02-14T12:00:00.000Z");
    assertEquals(context.stderr.text, "");
  });

  it("says which variables lead to the metadata services", async () => {
    const context = new FakeContext();
    untilWritten(context, /export AZURE/);
    const metadata = ["aws, google", "aws", "azure"];
    await rejectionOf(runDevServer(context, { port: 0, metadata }));
    const text = context.stderr.text;
    const [url = "", host] = text.match(/http:\/\/(127\.0\.0\.1:\d+)/) ?? [];
    assertEquals(text.match(/^ {2}export .*$/gm), [
      `  export AWS_EC2_METADATA_SERVICE_ENDPOINT=${url}`,
      `  export GCE_METADATA_HOST=${host}`,
      `  export AZURE_METADATA_ENDPOINT=${url}`,
    ]);
  });

  it("prints where the metadata services are with --json", async () => {
    const context = new FakeContext();
    untilWritten(context, /token/);
    const metadata = ["aws,google"];
    await rejectionOf(runDevServer(context, { port: 0, json: true, metadata }));
    const { url, metadata: printed } = JSON.parse(context.stdout.text);
    assertEquals(printed, { aws: url, google: new URL(url).host });
  });

  it("says as which service it listens, and how to log in to it", async () => {
    const context = new FakeContext();
    untilWritten(context, /curl/);
    await rejectionOf(runDevServer(context, { port: 0, as: "github" }));
    const text = context.stderr.text;
    const [url] = text.match(/http:\/\/127\.0\.0\.1:\d+/) ?? [];
    assert(text.includes(`listens at ${url} as github until`), text);
    assert(text.includes("ada <ada@example.com>"), text);
    assertEquals(text.match(/ghp_\w{36}/g)?.length, 1, text);
    assert(text.includes(`login --service github --url ${url}\n`), text);
    assert(!text.includes("nano_"), text);
  });

  it("prints no tokens of agents and of Coder with --as and --json", async () => {
    const context = new FakeContext();
    untilWritten(context, /token/);
    const options = { port: 0, json: true, as: "forgejo" };
    await rejectionOf(runDevServer(context, options));
    const { url: _, token, ...rest } = JSON.parse(context.stdout.text);
    assertMatch(token, /^[\da-f]{40}$/);
    assertEquals(rest, {
      username: "ada",
      email: "ada@example.com",
      expires_at: "2026-02-14T12:00:00.000Z",
    });
  });

  it("lists each service that it can be", () => {
    assertEquals(devServer.options?.as?.choices, VENDOR_NAMES);
  });

  it("names the service that Forgejo is to nanoctl", async () => {
    const context = new FakeContext();
    untilWritten(context, /curl/);
    await rejectionOf(runDevServer(context, { port: 0, as: "forgejo" }));
    const text = context.stderr.text;
    assert(text.includes("as forgejo until"), text);
    assert(text.includes("login --service gitea --url"), text);
  });

  for (const name of ["", "GitHub", "nanoservices", "toString"]) {
    it(`refuses to be the service ${JSON.stringify(name)}`, async () => {
      const context = new FakeContext();
      const options = { port: 0, as: name };
      const error = await rejectionOf(runDevServer(context, options));
      assertEquals(error.code, "usage");
      assert(error.hint?.includes("github"), error.hint);
    });
  }

  it("is no metadata service with --as", async () => {
    const context = new FakeContext();
    const options = { port: 0, as: "github", metadata: ["aws"] };
    const error = await rejectionOf(runDevServer(context, options));
    assertEquals(error.code, "usage");
  });

  for (const name of ["", "AWS", "gcp", "aws,", "toString"]) {
    it(`refuses the cloud ${JSON.stringify(name)}`, async () => {
      const context = new FakeContext();
      const error = await rejectionOf(
        runDevServer(context, { port: 0, metadata: [name] }),
      );
      assertEquals([error.code, error.exitCode], ["usage", 2]);
      assert(error.hint?.includes("aws"), error.hint);
      assertEquals(context.stderr.text, "");
    });
  }

  it("refuses an address that is not loopback", async () => {
    const error = await rejectionOf(
      runDevServer(new FakeContext(), { host: "0.0.0.0", port: 0 }),
    );
    assertEquals([error.code, error.exitCode], ["usage", 2]);
  });

  it("is exit 1 where the port is taken", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const error = await rejectionOf(runDevServer(new FakeContext(), { port }));
    listener.close();
    assertEquals([error.code, error.exitCode], ["failed", 1]);
    assert(error.message.includes(String(port)), error.message);
  });
});
