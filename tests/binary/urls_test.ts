import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  assertFails,
  CREDENTIALS,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { NAME, NameProxy } from "../support/proxies.ts";
import { ByteServer, me, StrangeServer } from "../support/servers.ts";
import { itWith, type Need } from "../support/store_files.ts";

const TOKEN = "nano_SECRETMARK";

/** A loopback address of IPv6. */
const ipv6: Need = () => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return undefined;
  } catch {
    return "this machine has no ::1";
  }
};

/** The ways to spell a URL, from its normal form. */
function spellings(normal: string): string[] {
  const { protocol, host, port, pathname } = new URL(normal);
  const path = pathname.replace(/\/$/, "");
  const deeper = `${path.slice(0, path.lastIndexOf("/"))}/x/../${
    path.slice(path.lastIndexOf("/") + 1)
  }`;
  return [
    normal,
    `${normal}/`,
    `${normal}///`,
    `  ${normal}\n`,
    `${normal}/.`,
    `${normal}/x/..`,
    `${protocol}//${host}${deeper}`,
    `${protocol.toUpperCase()}//${host}${path}`,
    `${protocol}${host}${path}`.replace(/^https?:/, `${protocol}\\\\`),
    `${protocol}//${host}${path}?`,
    `${protocol}//${host}${path}#`,
    ...(host.startsWith("127.0.0.1")
      ? [
        `${host}${path}`,
        `${host}${path}/`,
        `${protocol}//127.1:${port}${path}`,
        `${protocol}//0x7f000001:${port}${path}`,
        `${protocol}//127.0.0.1:0${port}${path}`,
      ]
      : []),
  ];
}

describe("the URL of a service", () => {
  const asked: string[] = [];
  let server: StrangeServer;

  beforeAll(() => {
    server = new StrangeServer(({ url }) => {
      asked.push(url.pathname);
      return me();
    });
  });
  beforeEach(() => {
    asked.length = 0;
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function logIn(
    home: Home,
    url: string,
    options: { args?: string[]; env?: Record<string, string> } = {},
  ): Promise<Result> {
    const { args = [], env = {} } = options;
    const result = await run(
      ["login", "--token-stdin", "--save", "--json", "--url", url, ...args],
      { home, env, stdin: TOKEN },
    );
    assertEquals(result.code, 0, result.stderr);
    return result;
  }

  function storedUrl(home: Home): string {
    const file = JSON.parse(Deno.readTextFileSync(home.at(CREDENTIALS)));
    return file.profiles.default.url;
  }

  for (const prefix of ["", "/team/A%20b", "/a//b"]) {
    it(`has one normal form in every spelling, with the path "${prefix}"`, async () => {
      const normal = `${server.url}${prefix}`;
      const all = spellings(normal);
      using home = new Home();
      await logIn(home, normal);
      await Promise.all(all.map(async (spelling) => {
        using other = new Home();
        const login = JSON.parse((await logIn(other, spelling)).stdout);
        assertEquals([login.url, storedUrl(other)], [normal, normal], spelling);
        // The profile that was stored under one spelling is found under every other.
        const byOption = await run(
          ["whoami", "--json", "--url", spelling],
          { home },
        );
        assertEquals(byOption.code, 0, `${spelling}: ${byOption.stderr}`);
        const { url, origin } = JSON.parse(byOption.stdout);
        assertEquals([url, origin], [normal, "store"]);
        const env = { NANOSERVICES_URL: spelling };
        const status = await run(["status", "--json"], { home, env });
        const { token, profiles } = JSON.parse(status.stdout);
        assertEquals([token.url, profiles[0].url], [normal, normal]);
        const printed = await run(["token", "--json"], { home, env });
        assertEquals(JSON.parse(printed.stdout).url, normal);
      }));
      const { stdout } = await run(["status"], { home });
      assert(stdout.includes(`  ${normal}  `), stdout);
      // Below the prefix, and never anywhere else.
      assertEquals(new Set(asked), new Set([`${prefix}/v1/me`]));
    });
  }

  it("keeps its prefix for api, and lets no path climb out of it", async () => {
    const url = `${server.url}/team`;
    const below = ["/v1/x", "v1/x", "/a/../v1/x", `${url}/v1/x`];
    for (const path of below) {
      await run(["api", path, "--token", TOKEN, "--url", `${url}/`]);
    }
    assertEquals(asked.splice(0), below.map(() => "/team/v1/x"));
    const outside = [
      `${server.url}/other/v1/x`,
      `${url}/../other`,
      "/../other",
      "../teams",
      "/%2e%2e/other",
    ];
    for (const path of outside) {
      await assertFails(["api", path, "--token", TOKEN, "--url", url], {}, {
        exit: 2,
        code: "usage",
        message: /not below http:\/\/127\.0\.0\.1:\d+\/team/,
        hint: /--url/,
        secret: TOKEN,
      });
    }
    assertEquals(asked, []);
  });

  it("is another one with another scheme, port, host or path", async () => {
    using home = new Home();
    const normal = `${server.url}/team`;
    await logIn(home, normal);
    asked.length = 0;
    const port = Number(new URL(server.url).port);
    const others = [
      server.url,
      `${normal}/a`,
      `${server.url}/Team`,
      `${server.url}/team%2F`,
      `${server.url}/te%61m`,
      normal.replace("http:", "https:"),
      normal.replace("127.0.0.1", "localhost"),
      normal.replace("127.0.0.1", "127.0.0.2"),
      normal.replace(`${port}`, `${port === 65535 ? 1024 : port + 1}`),
      `http://127.0.0.1/team`,
    ];
    for (const url of others) {
      for (const command of ["whoami", "token"]) {
        await assertFails([command, "--url", url], { home }, {
          exit: 3,
          code: "not_logged_in",
          message:
            /^not logged in to \S+: profile default is for http:\S+\/team /,
          hint: /--profile <name>$/,
          secret: TOKEN,
        });
      }
    }
    assertEquals(asked, []);
  });

  itWith([ipv6], "may be an address of IPv6, in any spelling", async () => {
    await using six = Deno.serve(
      { hostname: "::1", port: 0, onListen: () => {} },
      () => me(),
    );
    const normal = `http://[::1]:${six.addr.port}`;
    using home = new Home();
    const { stdout } = await logIn(home, `[::1]:${six.addr.port}/`);
    assertEquals(JSON.parse(stdout).url, normal);
    for (const host of ["[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]"]) {
      for (const scheme of ["", "http://"]) {
        const url = `${scheme}${host}:${six.addr.port}`;
        const result = await run(["whoami", "--json", "--url", url], { home });
        assertEquals(result.code, 0, result.stderr);
        assertEquals(JSON.parse(result.stdout).url, normal);
      }
    }
  });

  it("may be a name beyond ASCII, in any spelling", async () => {
    await using proxy = new NameProxy(server.url);
    const env = { HTTP_PROXY: proxy.url() };
    const args = ["--insecure-http"];
    using home = new Home();
    const ascii = "xn--bcher-kva.invalid";
    const normal = `http://${ascii}/api`;
    await logIn(home, "http://bücher.invalid/api/", { args, env });
    assertEquals(storedUrl(home), normal);
    const hosts = [
      "BÜCHER.invalid",
      "bu\u0308cher.invalid",
      ascii,
      "b\u00fccher\u3002invalid",
      "XN--BCHER-KVA.INVALID",
    ];
    for (const host of hosts) {
      const url = `http://${host}:80/api`;
      const result = await run(["whoami", "--json", "--url", url, ...args], {
        home,
        env,
      });
      assertEquals(result.code, 0, result.stderr);
      assertEquals(JSON.parse(result.stdout).url, normal);
    }
    assertEquals(
      new Set(proxy.lines),
      new Set([`GET ${normal}/v1/me HTTP/1.1`]),
    );
  });

  it("is https without a scheme, and has no default port in it", async () => {
    await using proxy = new ByteServer("");
    // What can't be reached still shows where it would have gone.
    const { stderr } = await run(
      [
        "api",
        "-X",
        "POST",
        "/x",
        "--token",
        TOKEN,
        "-v",
        "--url",
        `${NAME}:443/a/`,
      ],
      { env: { HTTPS_PROXY: proxy.url } },
    );
    assertMatch(stderr, new RegExp(`^POST https://${NAME}/a/x network_proxy`));
  });

  describe("is refused, by option and by variable, and nothing is sent:", () => {
    const refused: [
      name: string,
      change: (host: string) => string,
      says: RegExp,
    ][] = [
      [
        "with a user name",
        (host) => `http://ada@${host}`,
        /a user name or a password$/,
      ],
      [
        "with a password",
        (host) => `http://ada:hunter2@${host}`,
        /a user name or a password$/,
      ],
      [
        "with a password and no scheme",
        (host) => `ada:hunter2@${host}`,
        /a user name or a password$/,
      ],
      [
        "with an empty user name",
        (host) => `http://:hunter2@${host}`,
        /a user name or a password$/,
      ],
      [
        "with a query",
        (host) => `http://${host}/?key=hunter2`,
        /a query or a fragment$/,
      ],
      [
        "with a fragment",
        (host) => `http://${host}/#hunter2`,
        /a query or a fragment$/,
      ],
      [
        "of another scheme",
        (host) => `ftp://${host}`,
        /ftp: is not http: or https:$/,
      ],
      [
        "of a web socket",
        (host) => `ws://${host}`,
        /ws: is not http: or https:$/,
      ],
      ["with a space in the host", () => "http://a b", /does not parse$/],
    ];
    for (const [name, change, says] of refused) {
      it(name, async () => {
        const url = change(new URL(server.url).host);
        for (const command of ["whoami", "login", "status", "token"]) {
          const args = [command, "--token", TOKEN];
          const expected = {
            exit: 2,
            code: "usage",
            message: says,
            hint: /^give it as https:\/\/host/,
            secret: "hunter2",
          };
          await assertFails([...args, "--url", url], {}, expected);
          const env = { NANOSERVICES_URL: url };
          await assertFails(args, { env }, expected);
        }
        assertEquals(asked, []);
      });
    }
  });
});
