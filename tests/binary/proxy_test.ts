import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Authority } from "../support/certificates.ts";
import {
  assertFails,
  Home,
  latin1,
  type Result,
  run,
  type RunOptions,
  start,
} from "../support/nanoctl.ts";
import { NAME, NameProxy, Tinyproxy } from "../support/proxies.ts";
import {
  ByteServer,
  type Caught,
  deadUrl,
  me,
  StrangeServer,
} from "../support/servers.ts";
import { itWith, ownMounts, programs } from "../support/store_files.ts";

const TOKEN = "nano_NOTFORPROXIES";
const WHOAMI = ["whoami", "--token", TOKEN];
/** A request that is not tried again: one failure is the whole story. */
const ONCE = ["api", "-X", "POST", "/", "--token", TOKEN];
/** Plain http is what a proxy can read, and what is asked for here is no secret. */
const PLAIN = ["--insecure-http", "--url", `http://${NAME}`];

const PASSWORD = "hunter2@SECRET";
const CREDENTIALS = `me:${PASSWORD}`;
/** The same, as a URL holds it. */
const IN_URL = `me:${encodeURIComponent(PASSWORD)}`;

function withCredentials(proxy: string): string {
  return proxy.replace("//", `//${IN_URL}@`);
}

/** What came next, as characters of one byte each; empty at the end. */
async function read(connection: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(4096);
  return latin1(bytes.subarray(0, await connection.read(bytes) ?? 0));
}

const linux = (): string | undefined =>
  Deno.build.os === "linux" ? undefined : "it takes /proc";

/** The TCP ports at which a process listens. */
function listeningPorts(pid: number): number[] {
  const links = [...Deno.readDirSync(`/proc/${pid}/fd`)]
    .map(({ name }) => Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
  return Deno.readTextFileSync(`/proc/${pid}/net/tcp`).split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) =>
      state === "0A" && links.includes(`socket:[${inode}]`)
    )
    .map(([, local = ""]) => parseInt(local.split(":")[1] ?? "", 16));
}

/** Fails if anything of the proxy's credentials was printed, in any spelling. */
function assertNoCredentials({ stdout, stderr }: Result): void {
  for (const secret of ["hunter2", "SECRET", btoa(CREDENTIALS)]) {
    assert(!(stdout + stderr).includes(secret), stdout + stderr);
  }
}

describe("a proxy", () => {
  let home: Home;
  /** A service that speaks https, as 0.0.0.0: this machine by a name that is not loopback. */
  let secure: StrangeServer;
  let plain: StrangeServer;
  let secureArgs: string[];
  /** What the services were sent of what is for the proxy. */
  const presented: (string | null)[] = [];
  const answer = ({ headers }: Caught): Response => {
    presented.push(headers.get("proxy-authorization"));
    return me();
  };

  beforeAll(async () => {
    home = new Home();
    const authority = await Authority.create();
    Deno.writeTextFileSync(home.at("ca.pem"), authority.pem);
    const addresses = ["0.0.0.0", "127.0.0.1", "2001:db8::1"];
    secure = new StrangeServer(answer, await authority.issue({ addresses }));
    plain = new StrangeServer(answer);
    secureArgs = ["--ca-file", home.at("ca.pem"), "--url", secureUrl()];
  });
  afterAll(async () => {
    await secure[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  function secureUrl(): string {
    return secure.url.replace("127.0.0.1", "0.0.0.0");
  }

  describe("is used", () => {
    for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]) {
      it(`for http where ${name} names it, and resolves the name`, async () => {
        await using proxy = new NameProxy(plain.url);
        const env = { [name]: proxy.url() };
        const { stdout, stderr } = await run([...WHOAMI, ...PLAIN], { env });
        assertEquals([stdout, stderr], ["mallory\n", ""]);
        assertEquals(proxy.lines, [`GET http://${NAME}/v1/me HTTP/1.1`]);
      });
    }

    for (
      const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    ) {
      it(`for https where ${name} names it, and sees no token`, async () => {
        await using proxy = new NameProxy(secure.url);
        const env = { [name]: proxy.url() };
        const result = await run([...WHOAMI, ...secureArgs], { env });
        assertEquals([result.stdout, result.stderr], ["mallory\n", ""]);
        const { host } = new URL(secureUrl());
        assertEquals(proxy.requests, [
          { line: `CONNECT ${host} HTTP/1.1`, credentials: undefined },
        ]);
      });
    }

    it("where it is named without a scheme", async () => {
      await using proxy = new NameProxy(plain.url);
      const env = { HTTP_PROXY: proxy.host };
      assertEquals(
        (await run([...WHOAMI, ...PLAIN], { env })).stdout,
        "mallory\n",
      );
      assertEquals(proxy.requests.length, 1);
    });

    it("first by ALL_PROXY, then by the variable of the scheme", async () => {
      for (const server of [plain, secure]) {
        await using proxy = new NameProxy(server.url);
        const dead = deadUrl();
        const args = server === plain ? PLAIN : secureArgs;
        const variables = (all: string, other: string): RunOptions => ({
          env: { ALL_PROXY: all, HTTP_PROXY: other, HTTPS_PROXY: other },
        });
        assertEquals(
          (await run([...WHOAMI, ...args], variables(proxy.url(), dead)))
            .stdout,
          "mallory\n",
        );
        await assertFails([...ONCE, ...args], variables(dead, proxy.url()), {
          exit: 5,
          code: "network_proxy",
          message: new RegExp(
            `^the proxy ${new URL(dead).host}, .* can't be reached$`,
          ),
          hint: /PROXY/,
        });
      }
    });
  });

  describe("is not used", () => {
    const cases = [
      { name: "HTTP_PROXY for https", variable: "HTTP_PROXY" },
      { name: "an empty variable", variable: "HTTPS_PROXY", value: "" },
    ];
    for (const { name, variable, value } of cases) {
      it(`by ${name}`, async () => {
        await using proxy = new NameProxy(secure.url);
        const env = { [variable]: value ?? proxy.url() };
        const { stdout } = await run([...WHOAMI, ...secureArgs], { env });
        assertEquals([stdout, proxy.lines], ["mallory\n", []]);
      });
    }

    it("by HTTP_PROXY in a CGI program, which strangers can set", async () => {
      const env = { HTTP_PROXY: deadUrl(), REQUEST_METHOD: "GET" };
      await assertFails([...ONCE, ...PLAIN], { env }, {
        exit: 5,
        code: "network_name",
        message: new RegExp(`${NAME} was not found`),
        hint: /spelling/,
      });
    });

    for (const host of ["127.0.0.1", "127.1", "localhost", "LOCALHOST"]) {
      it(`for ${host}, whatever NO_PROXY says`, async () => {
        const url = plain.url.replace("127.0.0.1", host);
        const proxy = deadUrl();
        for (const NO_PROXY of ["", "other.example"]) {
          const env = { HTTP_PROXY: proxy, ALL_PROXY: proxy, NO_PROXY };
          const { stdout, stderr } = await run([...WHOAMI, "--url", url], {
            env,
          });
          assertEquals(stdout, "mallory\n", stderr);
        }
      });
    }

    it("for loopback where an authority of one's own is trusted", async () => {
      const args = ["--ca-file", home.at("ca.pem"), "--url", secure.url];
      const { stdout } = await run([...WHOAMI, ...args], {
        env: { HTTPS_PROXY: deadUrl() },
      });
      assertEquals(stdout, "mallory\n");
    });
  });

  describe("has exceptions by NO_PROXY:", () => {
    // Whether it is used shows at the proxy; that src/http/proxy.ts knows it too, in the error.
    const v6 = "[::ffff:127.0.0.1]";
    const cases: [host: string, noProxy: string, direct: boolean][] = [
      [NAME, "", false],
      [NAME, NAME, true],
      [NAME, "other.example, " + NAME, true],
      [NAME, "invalid", true],
      [NAME, ".invalid", true],
      [NAME, "*.invalid", true],
      [NAME, `.${NAME}`, true],
      [NAME, NAME.toUpperCase(), true],
      [NAME, "*", true],
      [NAME, "ano.invalid", false],
      [NAME, `api.${NAME}`, false],
      [NAME, `${NAME}:443`, false],
      [NAME, "0.0.0.0/0", false],
      [`api.${NAME}`, NAME, true],
      [`api.${NAME}`, `.${NAME}`, true],
      ["0.0.0.0", "0.0.0.0", true],
      ["0.0.0.0", "0.0.0.0/8", true],
      ["0.0.0.0", "0.255.0.0/8", true],
      ["0.0.0.0", "10.0.0.0/8", false],
      ["0.0.0.0", "*", true],
      ["0.0.0.0", "0.0", false],
      ["0.0.0.0", "0.0.0.0:443", false],
      [v6, "::ffff:127.0.0.1", true],
      [v6, v6, true],
      [v6, "::/0", true],
      [v6, "::ffff:7f00:0/104", true],
      [v6, "2001:db8::/32", false],
      [v6, "127.0.0.0/8", false],
    ];
    for (const [host, NO_PROXY, direct] of cases) {
      it(`"${NO_PROXY}" sends ${host} ${direct ? "direct" : "there"}`, async () => {
        await using proxy = new ByteServer("");
        const { host: address } = new URL(proxy.url);
        const url = `https://${host}:${new URL(deadUrl()).port}`;
        const { code, stderr } = await run([...ONCE, "--url", url], {
          env: { HTTPS_PROXY: proxy.url, NO_PROXY },
        });
        assertEquals(code, 5);
        const says = direct
          ? /^error: (the name \S+ was not found|nothing answers at \S+ \(connection refused\))\n/
          : /^error: the proxy (\S+) did not let the request to \S+ through\n/;
        assertMatch(stderr, says);
        if (!direct) assertEquals(says.exec(stderr)?.[1], address);
      });
    }

    it("the lower-case variable counts too, but only where the other is unset", async () => {
      const HTTPS_PROXY = deadUrl();
      const args = [...WHOAMI, ...secureArgs];
      const other = { HTTPS_PROXY, no_proxy: "0.0.0.0" };
      assertEquals((await run(args, { env: other })).stdout, "mallory\n");
      const empty = { ...other, NO_PROXY: "" };
      assertEquals((await run(args, { env: empty })).stdout, "mallory\n");
      const both = { ...other, NO_PROXY: "elsewhere.example" };
      const { stderr } = await run([...ONCE, ...secureArgs], { env: both });
      assertMatch(stderr, /^error: the proxy .* can't be reached\n/);
    });
  });

  describe("with a user name and a password", () => {
    const forms = [[], ["--json"], ["--verbose"], ["--verbose", "--json"]];

    it("gets them, and nobody is shown them", async () => {
      for (const server of [plain, secure]) {
        await using proxy = new NameProxy(server.url, {
          credentials: CREDENTIALS,
        });
        const url = proxy.url(IN_URL);
        const args = server === plain ? PLAIN : secureArgs;
        for (const form of forms) {
          const result = await run([...WHOAMI, ...args, ...form], {
            env: { HTTPS_PROXY: url, HTTP_PROXY: url },
          });
          assertEquals(result.code, 0, result.stderr);
          assertNoCredentials(result);
        }
        assertEquals(
          proxy.requests.map(({ credentials }) => credentials),
          forms.map(() => CREDENTIALS),
        );
      }
    });

    async function presentedTo(service: StrangeServer): Promise<unknown> {
      await using proxy = new NameProxy(service.url, {
        credentials: CREDENTIALS,
      });
      const url = proxy.url(IN_URL);
      presented.length = 0;
      await run([...WHOAMI, ...service === plain ? PLAIN : secureArgs], {
        env: { HTTPS_PROXY: url, HTTP_PROXY: url },
      });
      return presented;
    }

    it("keeps them from a service that speaks http", async () => {
      assertEquals(await presentedTo(plain), [null]);
    });

    it("keeps them from a service that speaks https", async () => {
      assertEquals(await presentedTo(secure), [null]);
    });

    const spellings: [inUrl: string, credentials: string][] = [
      ["me", "me:"],
      ["me:", "me:"],
      [":hunter2", ":hunter2"],
      ["m%2Fe:%3A%25%20%40", "m/e::% @"],
      ["me:100%:%zz", "me:100%:%zz"],
      ["j%C3%BCrgen:\u043f", "j\u00fcrgen:\u043f"],
      ["me:a@b", "me:a@b"],
    ];
    for (const [inUrl, credentials] of spellings) {
      it(`written as ${inUrl} gets ${credentials}`, async () => {
        for (const server of [plain, secure]) {
          await using proxy = new NameProxy(server.url, { credentials });
          const url = proxy.url(inUrl);
          const args = server === plain ? PLAIN : secureArgs;
          const { stdout, stderr } = await run([...WHOAMI, ...args], {
            env: { HTTPS_PROXY: url, HTTP_PROXY: url },
          });
          assertEquals([stdout, stderr], ["mallory\n", ""]);
          assertEquals(proxy.requests.length, 1);
        }
      });
    }

    it("may have an IPv6 address, and lead to one", async () => {
      await using proxy = new NameProxy(secure.url, {
        credentials: CREDENTIALS,
        address: "::1",
      });
      const host = `[2001:db8::1]:${new URL(secure.url).port}`;
      const args = [...WHOAMI, "--ca-file", home.at("ca.pem"), "--url"];
      const { stdout, stderr } = await run([...args, `https://${host}`], {
        env: { HTTPS_PROXY: proxy.url(IN_URL) },
      });
      assertEquals([stdout, stderr], ["mallory\n", ""]);
      assertEquals(proxy.lines, [`CONNECT ${host} HTTP/1.1`]);
    });

    it("resolves names for https, whose certificate is checked as ever", async () => {
      await using proxy = new NameProxy(secure.url, {
        credentials: CREDENTIALS,
      });
      const env = { HTTPS_PROXY: proxy.url(IN_URL) };
      const url = ["--url", `https://${NAME}`];
      const trusting = ["--ca-file", home.at("ca.pem"), ...url];
      for (
        const [args, says] of [
          [trusting, /: its certificate is for another name$/],
          [url, /: its certificate is not signed by an authority/],
        ] as const
      ) {
        await assertFails([...WHOAMI, ...args], { env }, {
          exit: 5,
          code: "network_tls",
          message: says,
          hint: /./,
          secret: "hunter2",
        });
      }
      assertEquals(new Set(proxy.lines).size, 1);
      assertEquals(proxy.lines[0], `CONNECT ${NAME}:443 HTTP/1.1`);
    });

    it("is chosen anew after a redirect", async () => {
      await using elsewhere = new StrangeServer(({ headers }) => {
        presented.push(headers.get("proxy-authorization"));
        return Response.redirect(`${secureUrl()}/v1/me`);
      });
      await using first = new NameProxy(elsewhere.url, {
        credentials: "one:1",
      });
      await using second = new NameProxy(secure.url, { credentials: "two:2" });
      presented.length = 0;
      const args = [...secureArgs.slice(0, 2), ...PLAIN];
      const { stderr } = await run([...WHOAMI, ...args], {
        env: {
          HTTP_PROXY: first.url("one:1"),
          HTTPS_PROXY: second.url("two:2"),
        },
      });
      assertMatch(stderr, /redirected to .* token is not sent \(200\)\n/);
      assertEquals(
        [...first.requests, ...second.requests]
          .map(({ credentials }) => credentials),
        ["one:1", "two:2"],
      );
      assertEquals(presented, [null, null]);
    });

    itWith(
      [linux],
      "is gone to by a tunnel that is nobody else's, and ends at Ctrl-C",
      async () => {
        using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const url = `http://${IN_URL}@127.0.0.1:${listener.addr.port}`;
        const child = start([...WHOAMI, ...secureArgs], {
          env: { HTTPS_PROXY: url },
        });
        const silent = await listener.accept();
        const heard = await read(silent);
        assertMatch(heard, /^CONNECT 0\.0\.0\.0:\d+ HTTP\/1\.1\r\n/);
        const ports = listeningPorts(child.pid);
        assertEquals(ports.length, 1);
        const [port = 0] = ports;
        const strangers = [
          "\x05\x01\x00",
          "\x05\x01\x02\x01\x01a\x01b",
          "\x05\x01\x02\x01\x00\x00",
          "CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n".padEnd(100),
        ];
        const answers = await Promise.all(
          strangers.map(async (says) => {
            using stranger = await Deno.connect({
              hostname: "127.0.0.1",
              port,
            });
            await stranger.write(new TextEncoder().encode(says));
            let all = "";
            for (;;) {
              const part = await read(stranger);
              if (part === "") return all;
              all += part;
            }
          }),
        );
        assertEquals(answers, [
          "\x05\xff",
          "\x05\x02\x01\x01",
          "\x05\x02\x01\x01",
          "\x05\xff",
        ]);
        child.kill("SIGINT");
        const result = await child.end();
        assertEquals(result.code, 130);
        assertNoCredentials(result);
        assertEquals(await read(silent), "");
        silent.close();
        await assertRejects(() =>
          Deno.connect({ hostname: "127.0.0.1", port })
        );
      },
    );

    for (const [what, given] of [["without", ""], ["with wrong", "me:wrong"]]) {
      it(`is said to want them, asked once, ${what} ones`, async () => {
        for (const server of [plain, secure]) {
          await using proxy = new NameProxy(server.url, {
            credentials: CREDENTIALS,
          });
          const url = proxy.url(given);
          const args = server === plain ? PLAIN : secureArgs;
          server.caught.length = 0;
          await assertFails([...WHOAMI, ...args], {
            env: { HTTPS_PROXY: url, HTTP_PROXY: url },
          }, {
            exit: 5,
            code: "network_proxy_login",
            message:
              /^the proxy 127\.0\.0\.1:\d+ wants a user name and a password/,
            hint: /HTTPS_PROXY=http:\/\/user:password@host:port/,
            secret: "wrong",
          });
          // Once as text and once as JSON: guessing on could lock the account.
          assertEquals(proxy.requests.length, 2);
          assertEquals(server.caught, []);
        }
      });
    }

    it("is named without them in every error", async () => {
      await using cut = new ByteServer("");
      await using refusing = new ByteServer(
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
      );
      await using silent = new ByteServer(undefined);
      const urls = [cut.url, refusing.url, silent.url, deadUrl()]
        .map((url) => url.replace("//", `//${IN_URL}@`));
      const malformed = [
        `ftp://${IN_URL}@127.0.0.1:1`,
        `http://${IN_URL}@127.0.0.1:99999`,
        `http://${IN_URL}@`,
        `${IN_URL}@nobody.invalid:1`,
        `http://me:hunter2/SECRET@127.0.0.1:1`,
      ];
      await Promise.all([...urls, ...malformed].map(async (url) => {
        for (const form of [[], ["--verbose", "--json"]]) {
          for (const target of [PLAIN, secureArgs]) {
            const args = [...ONCE, ...target, "--timeout", "0.5", ...form];
            const result = await run(args, {
              env: { HTTPS_PROXY: url, HTTP_PROXY: url },
            });
            assert(result.code !== 0, url);
            assertNoCredentials(result);
          }
        }
      }));
    });
  });

  describe("that fails is named:", () => {
    const address = "127\\.0\\.0\\.1:\\d+";
    const hint =
      /^check HTTPS_PROXY, HTTP_PROXY and NO_PROXY($|, and the user)/;
    const cases = [
      {
        name: "one that refuses",
        answers: "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        says: `^the proxy ${address} did not let the request to .* through$`,
      },
      {
        name: "one that can't reach the service",
        answers: "HTTP/1.0 502 Bad Gateway\r\n\r\nno such host",
        says: `^the proxy ${address} did not let the request to .* through$`,
      },
      {
        name: "one that hangs up",
        answers: "",
        says: `^the proxy ${address} did not let the request to .* through$`,
      },
      {
        name: "one that answers garbage",
        answers: "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        says: `^the proxy ${address} did not let the request to .* through$`,
      },
      {
        name: "one that answers garbage in the clear",
        answers: "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        http: true,
        says: `^the proxy ${address} does not speak HTTP$`,
      },
    ];
    for (const { name, answers, http, says } of cases) {
      it(name, async () => {
        await using proxy = new ByteServer(answers);
        for (const url of [proxy.url, withCredentials(proxy.url)]) {
          await assertFails([...ONCE, ...(http ? PLAIN : secureArgs)], {
            env: { HTTPS_PROXY: url, HTTP_PROXY: url },
          }, {
            exit: 5,
            code: "network_proxy",
            message: new RegExp(says),
            hint,
            secret: "hunter2",
          });
        }
      });
    }

    it("one that does not answer", async () => {
      await using proxy = new ByteServer(undefined);
      for (const url of [proxy.url, withCredentials(proxy.url)]) {
        for (const target of [PLAIN, secureArgs]) {
          await assertFails([...WHOAMI, ...target, "--timeout", "0.3"], {
            env: { HTTPS_PROXY: url, HTTP_PROXY: url },
          }, {
            exit: 5,
            code: "network_timeout",
            message: new RegExp(
              `did not answer within 0\\.3 s through the proxy ${address}$`,
            ),
            hint: /--timeout/,
            secret: "hunter2",
          });
        }
      }
    });

    for (const proxy of ["http://nobody.invalid:3128", deadUrl()]) {
      it(`one that can't be reached (${new URL(proxy).hostname})`, async () => {
        const { host } = new URL(proxy);
        for (const url of [proxy, withCredentials(proxy)]) {
          for (const target of [PLAIN, secureArgs]) {
            await assertFails([...ONCE, ...target], {
              env: { HTTPS_PROXY: url, HTTP_PROXY: url },
            }, {
              exit: 5,
              code: "network_proxy",
              message: new RegExp(
                `^the proxy ${host}, which the request to .* is to go through, can't be reached$`,
              ),
              hint,
              secret: "hunter2",
            });
          }
        }
      });
    }

    it("one whose variable holds no URL, and then nothing goes direct", async () => {
      secure.caught.length = 0;
      const values = ["not a url", "ftp://127.0.0.1:1", "http://127.0.0.1:x"];
      for (const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"]) {
        await Promise.all(
          values.map((value) =>
            assertFails(
              [...WHOAMI, ...secureArgs],
              { env: { [name]: value } },
              {
                exit: 5,
                code: "network_proxy",
                message: new RegExp(
                  `^${name} does not hold the URL of a proxy, so nothing was sent$`,
                ),
                hint: new RegExp(`${name}=http://host:port, or unset it$`),
                secret: value,
              },
            )
          ),
        );
      }
      assertEquals(secure.caught, []);
    });

    it("but a certificate that nobody trusts behind it is the service's", async () => {
      await using proxy = new NameProxy(secure.url);
      await assertFails([...WHOAMI, "--url", secureUrl()], {
        env: { HTTPS_PROXY: proxy.url() },
      }, {
        exit: 5,
        code: "network_tls",
        message: /^no secure connection to 0\.0\.0\.0:\d+: .* not signed by/,
        hint: /--ca-file/,
      });
    });
  });

  describe("that is tinyproxy", () => {
    const tinyproxy = programs("tinyproxy");
    const env = (url: string): Record<string, string> => ({
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
    });

    itWith(
      [tinyproxy, ownMounts],
      "resolves a name that this machine does not know",
      async () => {
        await using proxy = await Tinyproxy.start({ knowsName: true });
        const url = plain.url.replace("127.0.0.1", NAME);
        const args = [...WHOAMI, "--insecure-http", "--url", url];
        assertMatch((await run(args)).stderr, /the name .* was not found/);
        const { stdout, stderr } = await run(args, { env: env(proxy.url()) });
        assertEquals([stdout, stderr], ["mallory\n", ""]);
      },
    );

    itWith(
      [tinyproxy],
      "carries http and https, to the service by another proxy too",
      async () => {
        await using upstream = new NameProxy(plain.url);
        await using proxy = await Tinyproxy.start({ upstream });
        for (const args of [PLAIN, secureArgs]) {
          const { stdout, stderr } = await run([...WHOAMI, ...args], {
            env: env(proxy.url()),
          });
          assertEquals([stdout, stderr], ["mallory\n", ""]);
        }
        assertEquals(upstream.requests.length, 1);
        const log = await proxy.stop();
        assertMatch(log, new RegExp(`GET http://${NAME}/v1/me HTTP/1\\.1`));
        assertMatch(log, /CONNECT 0\.0\.0\.0:\d+ HTTP\/1\.1/);
        assert(!log.includes(TOKEN), log);
      },
    );

    itWith(
      [tinyproxy],
      "wants a user name and a password, and gets them",
      async () => {
        await using upstream = new NameProxy(plain.url);
        await using proxy = await Tinyproxy.start({
          upstream,
          credentials: ["me", "hunter2"],
        });
        presented.length = 0;
        for (const args of [PLAIN, secureArgs]) {
          const command = [...WHOAMI, "--verbose", ...args];
          const result = await run(command, {
            env: env(proxy.url("me:hunter2")),
          });
          assertEquals(result.stdout, "mallory\n", result.stderr);
          assertNoCredentials(result);
        }
        assertEquals(presented, [null, null]);
        await assertFails([...WHOAMI, ...PLAIN], { env: env(proxy.url()) }, {
          exit: 5,
          code: "network_proxy_login",
          message: /^the proxy 127\.0\.0\.1:\d+ wants a user name/,
          hint: /user:password@/,
        });
        await assertFails([...WHOAMI, ...secureArgs], {
          env: env(proxy.url("me:WRONG")),
        }, {
          exit: 5,
          code: "network_proxy_login",
          message: /^the proxy 127\.0\.0\.1:\d+ wants a user name/,
          hint: /user:password@/,
          secret: "WRONG",
        });
        // Its "HTTP/1.0 407" is for Deno a refusal like any other.
        await assertFails([...ONCE, ...secureArgs], { env: env(proxy.url()) }, {
          exit: 5,
          code: "network_proxy",
          message: /^the proxy 127\.0\.0\.1:\d+ did not let the request to/,
          hint: /the user name and password in the proxy's URL$/,
        });
      },
    );

    itWith([tinyproxy], "lets nothing through", async () => {
      await using proxy = await Tinyproxy.start({ denies: true });
      await assertFails([...WHOAMI, ...secureArgs], { env: env(proxy.url()) }, {
        exit: 5,
        code: "network_proxy",
        message: /^the proxy 127\.0\.0\.1:\d+ did not let the request to/,
        hint: /NO_PROXY/,
      });
    });
  });
});
