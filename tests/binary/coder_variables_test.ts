import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { CoderService } from "../support/coder_service.ts";
import type { CoderKey } from "../support/coder_service.ts";
import { assertFails, Home, type Result, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { me, StrangeServer } from "../support/servers.ts";

const ZERO_TIME = "0001-01-01T00:00:00Z";
const HEADER_SECRET = "cf-0123456789abcdef";

/** Checks that nothing was done, as the command line is wrong. */
function assertUsage({ code, stdout, stderr }: Result, says: RegExp): void {
  assertEquals([code, stdout], [2, ""], stderr);
  assertMatch(stderr, says);
}

describe("as people have Coder's own command set up", () => {
  let coder: CoderService;
  let key: CoderKey;
  let home: Home;

  beforeEach(() => {
    coder = new CoderService();
    key = coder.addKey();
    home = new Home();
  });
  afterEach(async () => {
    home[Symbol.dispose]();
    await coder[Symbol.asyncDispose]();
  });

  const person = (): Record<string, string> => ({
    CODER_URL: coder.url,
    CODER_SESSION_TOKEN: key.token,
  });

  describe("CODER_URL and CODER_SESSION_TOKEN", () => {
    it("are the URL, the service and the token where nothing else names them", async () => {
      const { code, stdout, stderr } = await run(["whoami", "--json"], {
        env: person(),
        home,
      });
      assertEquals(code, 0, stderr);
      const { service, url, origin } = JSON.parse(stdout);
      assertEquals([service, url, origin], ["coder", coder.url, "environment"]);
      const token = await run(["token"], { env: person(), home });
      assertEquals(token.stdout, `${key.token}\n`);
    });

    it("are so with --service coder, and beside a URL of the option", async () => {
      const env = { ...person(), CODER_URL: "https://other.example" };
      const args = ["whoami", "--service", "coder", "--url", coder.url];
      assertEquals((await run(args, { env })).stdout, "ada\n");
      const named = { ...person(), NANOCTL_SERVICE: "coder" };
      assertEquals((await run(["whoami"], { env: named })).stdout, "ada\n");
    });

    it("give way to NANOSERVICES_URL and NANOSERVICES_TOKEN", async () => {
      await using other = new StrangeServer(() => me());
      const env = {
        ...person(),
        NANOSERVICES_URL: other.url,
        NANOSERVICES_TOKEN: "nano_ofthisservice",
      };
      const { stdout, stderr } = await run(["whoami"], { env });
      assertEquals([stdout, stderr], ["mallory\n", ""]);
      assertEquals(
        other.caught[0]?.headers.get("authorization"),
        "Bearer nano_ofthisservice",
      );
      assertEquals(coder.requests, []);
    });

    it("are nobody's where another service is named", async () => {
      const env = person();
      const args = ["whoami", "--service", "nanoservices", "--url", coder.url];
      await assertFails(args, { env, home }, {
        exit: 3,
        code: "not_logged_in",
        message: /not logged in/,
        hint: /nanoctl login/,
        secret: key.token,
      });
      assertEquals(coder.requests, []);
    });

    it("log in silently, and are said by status with where they come from", async () => {
      const login = await run(["login"], { env: person(), home });
      assertEquals([login.code, login.stdout, login.stderr], [0, "", ""]);
      const env = { ...person(), CODER_HEADER: `x-access=${HEADER_SECRET}` };
      const json = await run(["status", "--json"], { env, home });
      const { target, token } = JSON.parse(json.stdout);
      assertEquals(target, {
        service: "coder",
        url: coder.url,
        url_source: "CODER_URL",
        headers: [{ name: "x-access", source: "CODER_HEADER" }],
      });
      assertEquals(token.source, "CODER_SESSION_TOKEN");
      const { stdout } = await run(["status"], { env, home });
      assert(stdout.includes(`${coder.url}, from CODER_URL`), stdout);
      assert(stdout.includes("x-access (from CODER_HEADER)"), stdout);
      assert(!(json.stdout + stdout).includes(HEADER_SECRET));
    });

    it("are named by the hint when the token is refused, and by logout", async () => {
      const env = {
        ...person(),
        CODER_SESSION_TOKEN: `${key.id}-${"x".repeat(22)}`,
      };
      await assertFails(["whoami"], { env, home }, {
        exit: 4,
        code: "token_invalid",
        message: /from CODER_SESSION_TOKEN/,
        hint: /^unset CODER_SESSION_TOKEN/,
        secret: env.CODER_SESSION_TOKEN,
      });
      const { stderr } = await run(["logout"], { env: person(), home });
      assertMatch(stderr, /CODER_SESSION_TOKEN is set/);
    });

    it("use what is stored for that URL where there is no token", async () => {
      const save = ["login", "--token-stdin", "--save", "--profile", "work"];
      const env = { CODER_URL: coder.url };
      const args = [...save, "--service", "coder"];
      const saved = await run(args, { env, home, stdin: key.token });
      assertEquals(saved.code, 0, saved.stderr);
      assertEquals((await run(["whoami"], { env, home })).stdout, "ada\n");
      assertEquals(
        (await run(["token"], { env, home })).stdout,
        `${key.token}\n`,
      );
      await assertFails(["token"], {
        env: { CODER_URL: "https://other.example" },
        home,
      }, {
        exit: 3,
        code: "not_logged_in",
        message: /profile work is for/,
        hint: /nanoctl login/,
      });
    });
  });

  describe("options before the command", () => {
    it("are those of an agent, as Coder's own tests write them", async () => {
      const agent = coder.addAgent();
      coder.setProvider({
        id: "github",
        type: "github",
        displayName: "GitHub",
        link: { accessToken: "bananas" },
      });
      for (const equals of [false, true]) {
        const before = [["--agent-url", coder.url], [
          "--agent-token",
          agent.token,
        ]]
          .flatMap(([name, value]) =>
            equals ? [`${name}=${value}`] : [`${name}`, `${value}`]
          );
        const { code, stdout, stderr } = await run([
          ...before,
          "--service",
          "coder",
          "external-auth",
          "access-token",
          "github",
        ]);
        assertEquals([code, stdout], [0, "bananas\n"], stderr);
      }
      const list = await run([
        "--auth",
        "token",
        "external-auth",
        "--agent-token",
        agent.token,
        "list",
        "--agent-url",
        coder.url,
      ], { env: { NANOCTL_SERVICE: "coder" } });
      assertEquals(list.code, 4, list.stderr);
    });

    it("are unknown to a command that no agent runs", async () => {
      for (const command of ["login", "whoami", "token", "status"]) {
        assertUsage(
          await run(["--agent-url", coder.url, command], { home }),
          /[Uu]nknown option "--agent-url"/,
        );
      }
    });
  });

  describe("external-auth access-token --output", () => {
    function accessToken(...args: string[]): Promise<Result> {
      const env = {
        CODER_AGENT_URL: coder.url,
        CODER_AGENT_TOKEN: coder.addAgent().token,
      };
      return run(["external-auth", "access-token", "github", ...args], { env });
    }

    it("prints Coder's own object", async () => {
      coder.setProvider({
        id: "github",
        type: "github",
        displayName: "GitHub",
        link: { accessToken: "bananas" },
      });
      for (const args of [["--output", "json"], ["-o", "json"], ["-ojson"]]) {
        const { code, stdout, stderr } = await accessToken(...args);
        assertEquals([code, stderr], [0, ""]);
        const object = JSON.parse(stdout);
        assertEquals(Object.keys(object), [
          "access_token",
          "token_extra",
          "url",
          "type",
          "expires_at",
          "username",
          "password",
        ]);
        assertEquals(
          [object.access_token, object.url, object.type, object.expires_at],
          ["bananas", "", "github", ZERO_TIME],
        );
      }
      const text = await accessToken("--output", "text");
      assertEquals(text.stdout, "bananas\n");
    });

    it("prints it with the URL and exits with 1 where someone must authenticate", async () => {
      coder.setProvider({
        id: "github",
        type: "github",
        displayName: "GitHub",
      });
      const { code, stdout } = await accessToken("--output", "json");
      const object = JSON.parse(stdout);
      assertEquals(code, 1);
      assert(URL.canParse(object.url), stdout);
      assertEquals([object.access_token, object.token_extra], ["", null]);
      // Our own JSON stays as it is.
      const own = await accessToken("--json");
      assertEquals(JSON.parse(own.stdout), {
        access_token: null,
        token_type: null,
        expires_at: null,
        extra: null,
        url: object.url,
      });
    });

    it("takes nothing but text and json, and no --extra beside json", async () => {
      for (const args of [["-o", "yaml"], ["-o", "json", "--extra", "a.b"]]) {
        assertUsage(await accessToken(...args), /--output/);
      }
      assertEquals(coder.requests, []);
    });
  });

  describe("--header and CODER_HEADER", () => {
    const args = (): string[] => ["whoami", "--service", "coder"];

    it("are sent with every request to the service", async () => {
      const { code, stderr } = await run([
        ...args(),
        "--header",
        `x-access=${HEADER_SECRET}`,
        "--verbose",
      ], { env: { ...person(), CODER_HEADER: "x-access=old,x-other=2" } });
      assertEquals(code, 0, stderr);
      assertEquals(coder.requests.length, 2);
      for (const { headers } of coder.requests) {
        assertEquals(
          [headers["x-access"], headers["x-other"]],
          [HEADER_SECRET, "2"],
        );
      }
      assert(!stderr.includes(HEADER_SECRET));
    });

    it("are api's too, before it and behind it, beside headers of its own", async () => {
      const env = person();
      const { code, stderr } = await run([
        "--header",
        "x-first=1",
        "api",
        "/api/v2/users/me",
        "--header",
        "x-second=2",
        "-H",
        "x-third:3=4",
      ], { env });
      assertEquals(code, 0, stderr);
      const { headers = {} } = coder.requests[0] ?? {};
      assertEquals(
        [headers["x-first"], headers["x-second"], headers["x-third"]],
        ["1", "2", "3=4"],
      );
    });

    it("stay behind when a redirect leads elsewhere, and off plain http", async () => {
      await using other = new StrangeServer(() => me());
      await using first = new StrangeServer(() =>
        new Response(null, { status: 302, headers: { location: other.url } })
      );
      const token = ["--token", "nano_ofthisservice"];
      const header = ["--header", `x-access=${HEADER_SECRET}`];
      await run(["whoami", "--url", first.url, ...token, ...header]);
      assertEquals(
        first.caught[0]?.headers.get("x-access"),
        HEADER_SECRET,
      );
      assertEquals(other.caught[0]?.headers.get("x-access"), null);
      assertUsage(
        await run([
          "api",
          "/x",
          "--url",
          "http://nano.invalid",
          ...token,
          ...header,
        ]),
        /not sent over plain http/,
      );
    });

    it("are refused without being repeated when they are none", async () => {
      for (
        const bad of [
          HEADER_SECRET,
          `host=${HEADER_SECRET}`,
          `a b=${HEADER_SECRET}`,
        ]
      ) {
        const result = await run([...args(), "--header", bad], {
          env: person(),
        });
        assertUsage(result, /--header/);
        assert(!result.stderr.includes(HEADER_SECRET));
      }
      assertEquals(coder.requests, []);
    });

    it("get past the embedded service's own access proxy", async () => {
      const service = await Service.start();
      try {
        const set = await fetch(`${service.url}/dev/access`, {
          method: "PATCH",
          body: JSON.stringify({ header: "x-access", value: HEADER_SECRET }),
        });
        assertEquals(set.status, 200, await set.text());
        const whoami = [
          "whoami",
          "--url",
          service.url,
          "--token",
          service.token,
        ];
        assertEquals((await run(whoami)).stdout, "");
        const header = ["--header", `x-access=${HEADER_SECRET}`];
        assertEquals((await run([...whoami, ...header])).stdout, "ada\n");
      } finally {
        await service.stop();
      }
    });
  });
});
