import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { HostileServer } from "../support/hostile_server.ts";
import { Home, run, until } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const BODY = JSON.stringify({ username: "ada", email: null, token: null });

function answer(status: number, body: string, ...headers: string[]): string {
  return [
    `HTTP/1.1 ${status} Said`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Connection: close",
    ...headers,
    "",
    body,
  ].join("\r\n");
}

/** The lines that are left when the terminal has obeyed what clears one. */
function left(screen: string): string {
  return screen.split("\n").map((line) => {
    const cleared = line.split("\x1b[K").at(-1) ?? "";
    return cleared.replace(/\r/g, "");
  }).join("\n");
}

describe("what a person waits for", () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  it("is the service, which is said until it answers, on a line that goes away", async () => {
    const released = Promise.withResolvers<void>();
    await using server = new HostileServer(async () => {
      await released.promise;
      return answer(200, BODY);
    });
    using home = new Home();
    const terminal = new Terminal(["api", "/v1/me"], {
      home,
      env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: "nano_x" },
    });
    await terminal.waitFor(`Asking ${server.url}`);
    released.resolve();
    const { code, screen } = await terminal.end();
    assertEquals([code, left(screen).trim()], [0, BODY]);
  });

  it("is the next try, with the seconds that are left", async () => {
    let requests = 0;
    await using server = new HostileServer(() =>
      requests++ === 0 ? answer(503, "{}", "Retry-After: 2") : answer(200, BODY)
    );
    using home = new Home();
    const terminal = new Terminal(["api", "/v1/me"], {
      home,
      env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: "nano_x" },
    });
    await terminal.waitFor(`Trying ${server.url} again in 2 s`);
    await terminal.waitFor(`Trying ${server.url} again in 1 s`);
    const { code, screen } = await terminal.end();
    assertEquals([code, left(screen).trim()], [0, BODY]);
  });

  it("is another nanoctl that holds the lock", async () => {
    using home = await service.homeWith();
    const lock = home.at(".config/nanoctl/credentials.lock");
    const script = 'flock "$0" sh -c "echo held; head -n 1"';
    const holder = new Deno.Command("sh", {
      args: ["-c", script, lock],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = holder.stdout.getReader();
    await reader.read();
    const terminal = new Terminal(["use", "default"], { home });
    await terminal.waitFor("Waiting for another nanoctl");
    await holder.stdin.close();
    const { code, screen } = await terminal.end();
    assertEquals(code, 0);
    assert(!left(screen).includes("Waiting"), left(screen));
    await reader.cancel();
    await holder.status;
  });

  it("is the key of a passphrase", async () => {
    using home = await service.homeWith(
      {
        NANOCTL_PASSPHRASE: "a passphrase of a test",
      },
      "--key-source",
      "passphrase",
    );
    const terminal = new Terminal(["whoami"], { home, env: service.env });
    await terminal.waitFor("assphrase");
    await terminal.type(`a passphrase of a test${KEYS.enter}`);
    await terminal.waitFor("Deriving the key from the passphrase");
    const { code, screen } = await terminal.end();
    assertEquals(code, 0);
    assert(!left(screen).includes("Deriving"), left(screen));
    assert(left(screen).includes("ada"), left(screen));
  });

  for (
    const [how, args, env] of [
      ["with --quiet", ["--quiet"], {}],
      ["with --json", ["--json"], {}],
      ["on a dumb terminal", [], { TERM: "dumb" }],
    ] as const
  ) {
    it(`is not said ${how}`, async () => {
      const released = Promise.withResolvers<void>();
      await using server = new HostileServer(async () => {
        await released.promise;
        return answer(200, BODY);
      });
      using home = new Home();
      const terminal = new Terminal(["api", "/v1/me", ...args], {
        home,
        env: {
          NANOSERVICES_URL: server.url,
          NANOSERVICES_TOKEN: "nano_x",
          ...env,
        },
      });
      await until(() => server.heard.length > 0, "the request");
      // As long as it takes to be said elsewhere, and more.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      released.resolve();
      const { code, screen } = await terminal.end();
      assertEquals(code, 0);
      assert(!screen.includes("Asking") && !screen.includes("\x1b"), screen);
    });
  }

  it("is not said in a pipe", async () => {
    await using server = new HostileServer(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return answer(200, BODY);
    });
    const { code, stdout, stderr } = await run(["api", "/v1/me"], {
      env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: "nano_x" },
    });
    assertEquals([code, stdout, stderr], [0, BODY, ""]);
  });

  it("is not left behind by Ctrl-C", async () => {
    await using server = new HostileServer(() => new Promise(() => {}));
    using home = new Home();
    const terminal = new Terminal(["api", "/v1/me"], {
      home,
      env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: "nano_x" },
    });
    await terminal.waitFor("Asking");
    await terminal.type(KEYS.ctrlC);
    const { code, screen } = await terminal.end();
    assertEquals(code, 130);
    assertEquals(left(screen).replace(/^\^C/, "").trim(), "error: interrupted");
  });
});
