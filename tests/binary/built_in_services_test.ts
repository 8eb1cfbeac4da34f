import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { BUILT_IN } from "../../src/services/builtin/index.ts";
import { BUILT_IN_CASES, type Refusal } from "../support/built_in_services.ts";
import {
  assertFails,
  Home,
  type Result,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import { decide } from "../support/oauth_service.ts";
import { Service, type TokenWish } from "../support/service.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

/** Not a token of any service. */
const UNKNOWN = "not-a-token-of-any-service";

describe("a built-in service", () => {
  it("has a case here, whichever it is", () => {
    const tested = new Set(BUILT_IN_CASES.map(({ service }) => service));
    assertEquals(
      Object.keys(BUILT_IN).toSorted(),
      [...tested].toSorted(),
    );
  });
});

for (const built of BUILT_IN_CASES) {
  const { as, title, username } = built;
  const form = built.form ?? ((token: string) => token);

  describe(`${as}, described as data`, () => {
    let service: Service;
    let at: string[];

    beforeAll(async () => {
      service = await Service.start("--as", as);
      at = ["--service", built.service, "--url", service.url];
    });
    afterAll(() => service.stop());

    async function given(wish: TokenWish): Promise<Record<string, string>> {
      return { NANOSERVICES_TOKEN: form((await service.mint(wish)).token) };
    }

    async function loggedIn(token: string): Promise<Home> {
      const home = new Home();
      const login = ["login", "--token-stdin", "--save", ...at];
      const { code, stderr } = await run(login, { home, stdin: form(token) });
      assertEquals(code, 0, stderr);
      return home;
    }

    it("logs in, and says who and until when", async () => {
      using home = new Home();
      const login = ["login", "--token-stdin", "--save", "--json", ...at];
      const { code, stdout, stderr } = await run(login, {
        home,
        stdin: form(service.token),
      });
      assertEquals(code, 0, stderr);
      const said = JSON.parse(stdout);
      assertEquals(said.account, { username, email: built.email });
      assertEquals([said.service, said.url], [built.service, service.url]);
      if (built.scopes) assertEquals(said.scopes, built.scopes);
      assertEquals(said.expires_at !== null, built.expires, stdout);
      const whoami = await run(["whoami"], { home });
      assertEquals([whoami.code, whoami.stdout], [0, `${username}\n`]);
      const token = await run(["token"], { home });
      assertEquals(token.stdout, `${form(service.token)}\n`);
    });

    it("is found out at its URL, without a token", async () => {
      using home = new Home();
      const terminal = new Terminal(["login", "--url", service.url], { home });
      const seen = await service.requestsDuring(() =>
        terminal.waitFor("Token")
      );
      assertStringIncludes(terminal.transcript, `${service.url} is ${title}.`);
      assert(seen.length > 0);
      await terminal.type(form(service.token) + KEYS.enter);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      assertStringIncludes(screen, `Welcome, ${username}.`);
    });

    it("is found out for a token that is not kept", async () => {
      const env = {
        NANOSERVICES_TOKEN: form(service.token),
        NANOSERVICES_URL: service.url,
      };
      const { code, stdout, stderr } = await run(["login", "--json"], { env });
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(stdout).service, built.service);
    });

    const refusals: [what: string, wish: TokenWish, refusal: Refusal][] = [
      ["expired", { state: "expired" }, built.expired],
      ["revoked", { state: "revoked" }, built.revoked],
      ...(built.withoutScopes
        ? [["without scopes", { scopes: [] }, built.withoutScopes] as [
          string,
          TokenWish,
          Refusal,
        ]]
        : []),
      ["of a service that fails", { state: "failing" }, ["service_error", 6]],
    ];
    for (const [what, wish, [code, exit]] of refusals) {
      it(`refuses a token ${what}`, async () => {
        const env = await given(wish);
        await assertFails(["whoami", ...at], { env }, {
          exit,
          code,
          message: /./,
          hint: /./,
          secret: env.NANOSERVICES_TOKEN,
        });
      });
    }

    it("refuses a token that it never made", async () => {
      await assertFails(
        ["whoami", ...at],
        { env: { NANOSERVICES_TOKEN: form(UNKNOWN) } },
        {
          exit: 4,
          code: "token_invalid",
          message: /it is not valid/,
          hint: /a token made at http/,
          secret: UNKNOWN,
        },
      );
    });

    it("says until when it takes no more requests", async () => {
      const env = await given({ state: "rate_limited", retry_after: 3000 });
      await assertFails(["whoami", ...at], { env }, {
        exit: 6,
        code: "rate_limited",
        message: /takes no more requests for now/,
        hint: as === "bitbucket"
          ? /^try again/
          : /^try again in (2999|300\d) seconds$/,
      });
    });

    it("answers requests of its own API", async () => {
      const [path, field] = built.api;
      const env = { NANOSERVICES_TOKEN: form(service.token) };
      const { code, stdout, stderr } = await run(["api", path, ...at], { env });
      assertEquals(code, 0, stderr);
      assert(Object.hasOwn(JSON.parse(stdout), field), stdout);
    });

    it("gives git what it takes", async () => {
      using home = await loggedIn(service.token);
      const { host, protocol } = new URL(service.url);
      const { code, stdout } = await run(["credential", "git", "get"], {
        home,
        stdin: `protocol=${protocol.slice(0, -1)}\nhost=${host}\n\n`,
      });
      assertEquals(code, 0);
      assertStringIncludes(stdout, `username=${built.gitUsername}\n`);
      assertStringIncludes(stdout, `password=${service.token}\n`);
    });

    it("has no external providers", async () => {
      await assertFails(["external-auth", "list", ...at], {
        env: { NANOSERVICES_TOKEN: form(service.token) },
      }, {
        exit: 2,
        code: "usage",
        message: /has no external providers/,
        hint: /--service/,
      });
    });

    it(
      built.revocable ? "ends a token" : "says that it can't end a token",
      async () => {
        const { token } = await service.mint();
        using home = await loggedIn(token);
        const { code, stderr } = await run(["logout", "--revoke"], { home });
        const env = { NANOSERVICES_TOKEN: form(token) };
        const after = await run(["whoami", ...at], { env });
        if (built.revocable) {
          assertEquals([code, after.code], [0, 4], stderr);
        } else {
          assertEquals([code, after.code], [1, 0], stderr);
          assertMatch(stderr, /stays stored: .* has no way to revoke/);
        }
      },
    );
  });
}

for (const as of ["github", "gitlab", "huggingface"]) {
  describe(`${as}'s login with a code`, () => {
    let service: Service;

    beforeAll(async () => {
      service = await Service.start("--as", as);
    });
    afterAll(() => service.stop());

    const login = (...args: string[]): string[] => [
      ...["login", "--device", "--json", "--service", as],
      ...["--url", service.url, ...args],
    ];

    it("takes a client that is registered, and no other", async () => {
      using home = new Home();
      const { code, stderr } = await run(login(), { home });
      assertEquals(code, 2);
      assertMatch(stderr, /were registered .*--client-id/);
    });

    async function decided(
      home: Home,
      choice: "approve" | "deny",
    ): Promise<Result> {
      const child = start(login("--client-id", "nanoctl"), { home });
      const { user_code } = JSON.parse(await child.firstLine);
      await decide(service, user_code, choice);
      return await child.end();
    }

    it("logs in once the code is approved", async () => {
      using home = new Home();
      const { code, stdout, stderr } = await decided(home, "approve");
      assertEquals(code, 0, stderr);
      const [, line = ""] = stdout.split("\n");
      assertEquals(JSON.parse(line).account.username, "ada");
      assertEquals((await run(["whoami"], { home })).stdout, "ada\n");
    });

    it("says when it was denied", async () => {
      using home = new Home();
      const { code, stderr } = await decided(home, "deny");
      assertEquals(code, 4, stderr);
      assertMatch(stderr, /login_denied/);
    });
  });
}

describe("a token of Vault that can be prolonged", () => {
  it("is, before it ends, and stays the same", async () => {
    const service = await Service.start("--as", "vault");
    try {
      using home = new Home();
      const { token } = await service.mint({ expires_in: 4 });
      const login = await run(
        [
          ...["login", "--token-stdin", "--save", "--json"],
          ...["--service", "vault", "--url", service.url],
        ],
        { home, stdin: token },
      );
      assertEquals(login.code, 0, login.stderr);
      const first = JSON.parse(login.stdout).expires_at;
      await until(async () => {
        const { code, stdout, stderr } = await run(["whoami", "--json"], {
          home,
        });
        assertEquals(code, 0, stderr);
        return JSON.parse(stdout).expires_at > first;
      }, "the token ends later");
      assertEquals((await run(["token"], { home })).stdout, `${token}\n`);
    } finally {
      await service.stop();
    }
  });
});
