import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { deadUrl, me, StrangeServer } from "../support/servers.ts";
import { Home, type Result, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { Terminal } from "../support/terminal.ts";

const TOKEN = "nano_SECRETMARK";

/** The lines on stderr, each time in them as 5 ms. */
function linesOf({ stderr }: Result): string[] {
  return stderr.trimEnd().split("\n")
    .map((line) => line.replace(/, \d+ ms,/, ", 5 ms,"));
}

function line(
  request: string,
  outcome: number | string,
  token: string,
  attempt = 1,
): string {
  return `${request} ${outcome}, 5 ms, try ${attempt}, token: ${token}`;
}

describe("--verbose", () => {
  it("is silent where nothing is asked of a service", async () => {
    using home = new Home();
    for (const command of ["status", "logout", "token"]) {
      const verbose = await run([command, "--verbose"], { home });
      assertEquals(verbose, await run([command], { home }));
    }
  });

  it("is a short -v too, before and behind the command", async () => {
    await using server = new StrangeServer(() => me());
    const expected = [line(`GET ${server.url}/v1/me`, 200, "--token")];
    for (
      const args of [
        ["-v", "whoami"],
        ["--verbose", "whoami"],
        ["whoami", "-v"],
      ]
    ) {
      const result = await run([
        ...args,
        "--token",
        TOKEN,
        "--url",
        server.url,
      ]);
      assertEquals(linesOf(result), expected);
    }
  });

  it("leaves stdout as it is, of text and of JSON", async () => {
    await using server = new StrangeServer(() => me());
    const args = ["whoami", "--token", TOKEN, "--url", server.url];
    for (const form of [[], ["--json"]]) {
      const plain = await run([...args, ...form]);
      const verbose = await run([...args, ...form, "--verbose"]);
      assertEquals([verbose.stdout, plain.stderr], [plain.stdout, ""]);
      assertEquals(linesOf(verbose).length, 1);
    }
  });

  it("has one line for each try", async () => {
    let left = 2;
    await using server = new StrangeServer(() =>
      left-- > 0
        ? new Response("", { status: 503, headers: { "retry-after": "0" } })
        : me()
    );
    const result = await run(
      ["whoami", "-v", "--token", TOKEN, "--url", server.url],
    );
    const request = `GET ${server.url}/v1/me`;
    assertEquals([result.stdout, linesOf(result)], ["mallory\n", [
      line(request, 503, "--token", 1),
      line(request, 503, "--token", 2),
      line(request, 200, "--token", 3),
    ]]);
  });

  it("has one line for each redirect, and says where no token went", async () => {
    await using other = new StrangeServer(() => me());
    await using server = new StrangeServer(({ url }): Response =>
      Response.redirect(
        url.pathname === "/moved" ? `${other.url}/here` : `${server.url}/moved`,
      )
    );
    const result = await run(
      ["whoami", "-v", "--token", TOKEN, "--url", server.url],
    );
    assertEquals(linesOf(result).slice(0, 3), [
      line(`GET ${server.url}/v1/me`, 302, "--token"),
      line(`GET ${server.url}/moved`, 302, "--token"),
      line(`GET ${other.url}/here`, 200, "none"),
    ]);
  });

  it("names what failed below HTTP, before the error", async () => {
    const url = deadUrl();
    const request = `GET ${url}/v1/me`;
    for (const form of [[], ["--json"]]) {
      const result = await run(
        ["whoami", "-v", "--token", TOKEN, "--url", url, ...form],
      );
      const lines = linesOf(result);
      assertEquals(
        lines.slice(0, 3),
        [1, 2, 3].map((attempt) =>
          line(request, "network_refused", "--token", attempt)
        ),
      );
      assertMatch(lines[3] ?? "", /^(error: |\{"error":\{)/);
    }
  });

  it("gives the time that a request took", async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async () => {
        // From the request on: how long the program takes to start is not counted.
        await new Promise((resolve) => setTimeout(resolve, 100));
        return me();
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const { stderr } = await run(
      ["whoami", "-v", "--token", TOKEN, "--url", url],
    );
    const [, took] = / 200, (\d+) ms, /.exec(stderr) ?? [];
    assert(Number(took) >= 50 && Number(took) < 30_000, stderr);
  });

  describe("says where the token came from:", () => {
    let service: Service;
    let home: Home;

    beforeAll(async () => {
      service = await Service.start();
      home = new Home();
      Deno.writeTextFileSync(home.at("t"), service.token);
      await service.logIn(home, service.token, "--profile", "work");
    });
    afterAll(async () => {
      home[Symbol.dispose]();
      await service.stop();
    });

    const ways: [
      source: string,
      args: (token: string, file: string) => string[],
      env: (token: string, file: string) => Record<string, string>,
      piped?: true,
    ][] = [
      ["--token", (token) => ["--token", token], () => ({})],
      ["the file PATH", (_, file) => ["--token-file", file], () => ({})],
      ["standard input", () => ["--token-file", "-"], () => ({}), true],
      ["NANOSERVICES_TOKEN", () => [], (token) => ({
        NANOSERVICES_TOKEN: token,
      })],
      ["the file PATH", () => [], (_, file) => ({
        NANOSERVICES_TOKEN_FILE: file,
      })],
      [
        "--token-command",
        (_, file) => ["--token-command", `/bin/cat ${file}`],
        () => ({}),
      ],
      ["NANOSERVICES_TOKEN_COMMAND", () => [], (_, file) => ({
        NANOSERVICES_TOKEN_COMMAND: `/bin/cat ${file}`,
      })],
      ["the stored login of profile work", () => [], () => ({})],
    ];
    for (const [source, args, env, piped] of ways) {
      it(`from ${source}`, async () => {
        const { token } = service;
        const file = home.at("t");
        const result = await service.run(
          ["whoami", "-v", ...args(token, file)],
          home,
          env(token, file),
          piped ? token : undefined,
        );
        assertEquals([result.stdout, linesOf(result)], ["ada\n", [
          line(
            `GET ${service.url}/v1/me`,
            200,
            source.replace("PATH", file),
          ),
        ]]);
      });
    }

    it("from the prompt", async () => {
      const terminal = new Terminal(["login", "-v", "--profile", "typed"], {
        home,
        env: service.env,
      });
      await terminal.waitFor("Token");
      await terminal.type(`${service.token}\r`);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      assertMatch(screen, /v1\/me 200, \d+ ms, try 1, token: the prompt\r\n/);
      assert(!screen.includes(service.token), screen);
    });
  });

  describe("shows no secret", () => {
    const SECRETS = [
      "SECRETMARK",
      "QUERY5ECRET",
      "BODY5ECRET",
      "HEADER5ECRET",
      "COOKIE5ECRET",
      "ANSWER5ECRET",
      "LOCATION5ECRET",
    ];
    const KEYS = [
      "token",
      "ACCESS_TOKEN",
      "api_key",
      "client-secret",
      "Password",
      "code",
      "X-Amz-Signature",
      "s%65cret",
      "a[token]",
    ];

    it("of the query, the body, the headers, cookies, redirects and the answer", async () => {
      await using server = new StrangeServer(({ url }) => {
        const headers = {
          "set-cookie": "session=COOKIE5ECRET",
          "x-secret": "ANSWER5ECRET",
        };
        if (url.pathname === "/end") {
          return Response.json({ token: "ANSWER5ECRET" }, {
            status: 403,
            headers,
          });
        }
        return new Response("ANSWER5ECRET", {
          status: 307,
          headers: {
            ...headers,
            location: "/end?code=LOCATION5ECRET&id=7#token=LOCATION5ECRET",
          },
        });
      });
      const query = KEYS.map((key) => `${key}=QUERY5ECRET`).join("&");
      const requests = [
        ["api", `/x?id=7&${query}`, "-H", "X-Api-Key: HEADER5ECRET"],
        [
          "api",
          "/x",
          "-f",
          "password=BODY5ECRET",
          "-H",
          "Cookie: a=HEADER5ECRET",
        ],
        ["api", "/x", "-X", "GET", "-f", "password=QUERY5ECRET"],
        ["api", "/x", "-X", "PUT", "--input", "-"],
      ];
      for (const [command = "", ...args] of requests) {
        for (const form of [[], ["--json"]]) {
          const { stderr } = await run([
            command,
            "--verbose",
            ...form,
            "--url",
            server.url,
            "--token",
            TOKEN,
            ...args,
          ], { stdin: '{"a":"BODY5ECRET"}' });
          assertMatch(stderr, /^[A-Z]+ http\S+\/x\S* 307, \d+ ms, /m);
          assertMatch(stderr, /\/end\?code=hidden&id=7 403, \d+ ms, /);
          for (const secret of SECRETS) {
            assert(!stderr.includes(secret), stderr);
          }
        }
      }
      const { stderr } = await run(
        [
          "api",
          requests[0]?.[1] ?? "",
          "-v",
          "--url",
          server.url,
          "--token",
          TOKEN,
        ],
      );
      assertMatch(stderr, /^GET \S+\/x\?id=7&token=hidden&/);
      assertEquals(
        stderr.split(" ")[1]?.match(/=hidden/g)?.length,
        KEYS.length,
      );
    });

    it("and nothing that a terminal would obey", async () => {
      await using server = new StrangeServer(({ url }): Response =>
        url.pathname === "/v1/me"
          ? Response.redirect(`${server.url}/%1b[2J?a=%1b%5b31m%0aerror:%20x`)
          : me()
      );
      const { stderr } = await run(
        ["whoami", "-v", "--token", TOKEN, "--url", server.url],
      );
      assertEquals(stderr.trimEnd().split("\n").length, 2);
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(stderr), stderr);
    });
  });
});
