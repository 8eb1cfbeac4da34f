import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Made, makeCertificate } from "../support/certificate_maker.ts";
import {
  assertFinds,
  assertNotWell,
  diagnose,
  type Diagnosis,
} from "../support/doctor.ts";
import { Home, run } from "../support/nanoctl.ts";
import { NAME, NameProxy } from "../support/proxies.ts";
import { ByteServer, deadUrl, me, StrangeServer } from "../support/servers.ts";

const TOKEN = "nano_0123456789abcdef";
const HOUR = 3_600_000;
/** What depends on the service's answer. */
const UNREACHABLE = {
  reachability: "failed",
  certificate: "skipped",
  clock: "skipped",
  token: "skipped",
} as const;

describe("of the way to the service, doctor checks", () => {
  let home: Home;
  let authority: Made;
  let below: Made;

  beforeAll(async () => {
    home = new Home();
    const made = { names: [], authority: true, forDays: 60 };
    authority = await makeCertificate({ ...made, subject: "Corp Root" });
    below = await makeCertificate({
      ...made,
      subject: "Corp Issuing",
      issuer: authority,
    });
    Deno.writeTextFileSync(home.at("corp.pem"), authority.cert);
  });
  afterAll(() => home[Symbol.dispose]());

  /** Diagnoses the way to a URL, with a token from outside. */
  function at(
    url: string,
    env: Record<string, string> = {},
    ...args: string[]
  ): Promise<Diagnosis> {
    const variables = { NANOSERVICES_TOKEN: TOKEN, ...env };
    return diagnose({ home, env: variables }, "--url", url, ...args);
  }

  /** A service with a certificate of one of our authorities, by a name. */
  async function secure(
    { issuer = authority, forDays = 30, names = ["localhost", NAME] } = {},
  ): Promise<{ server: StrangeServer; url: string }> {
    const leaf = await makeCertificate({ names, issuer, forDays });
    const chain = issuer === below ? `\n${below.cert}` : "";
    const identity = { key: leaf.key, cert: leaf.cert + chain };
    const server = new StrangeServer(() => me(), identity);
    return { server, url: server.url.replace("127.0.0.1", "localhost") };
  }

  /** A server that gives this answer, with what else its head says. */
  function saying(status: string, head = ""): ByteServer {
    return new ByteServer(
      `HTTP/1.1 ${status}\r\nContent-Length: 2\r\nConnection: close\r\n${head}\r\n{}`,
    );
  }

  describe("the proxy", () => {
    it("and names it, and the variable, without the password", async () => {
      await using server = new StrangeServer(() => me());
      await using proxy = new NameProxy(server.url, {
        credentials: "ada:s3cretpassword",
      });
      const url = `http://${NAME}`;
      const found = await at(
        url,
        { HTTP_PROXY: proxy.url("ada:s3cretpassword") },
        "--insecure-http",
      );
      assertNotWell(found, {});
      assertFinds(found, "proxy", {
        result: "ok",
        message: new RegExp(
          `^${proxy.url()}, from HTTP_PROXY, with a user name and a password$`,
        ),
      });
      assertFinds(found, "reachability", {
        result: "ok",
        message: new RegExp(`^.* work through the proxy ${proxy.host}; status`),
      });
      assert(!found.stdout.includes("s3cret"), found.stdout);
      assert(proxy.requests.length > 0);
    });

    it("says why there is none", async () => {
      await using server = new StrangeServer(() => me());
      const proxy = { HTTPS_PROXY: deadUrl() };
      const url = `https://${NAME}`;
      const cases: [string, Record<string, string>, RegExp][] = [
        [server.url, proxy, /^none: the service is on this machine$/],
        [url, {}, /^none: no variable names one$/],
        [url, { HTTP_PROXY: deadUrl() }, /^none: no variable names one$/],
        [
          url,
          { ...proxy, NO_PROXY: ".invalid" },
          /^none: NO_PROXY excepts nano\.invalid from HTTPS_PROXY$/,
        ],
        [
          url,
          { https_proxy: deadUrl(), no_proxy: "*" },
          /^none: no_proxy excepts nano\.invalid from https_proxy$/,
        ],
      ];
      for (const [at_, env, message] of cases) {
        assertFinds(await at(at_, env), "proxy", { result: "ok", message });
      }
    });

    it("fails for a variable without a proxy's URL", async () => {
      const found = await at(`https://${NAME}`, { HTTPS_PROXY: "ftp://a.b" });
      assertFinds(found, "proxy", {
        result: "failed",
        message: /^HTTPS_PROXY does not hold the URL of a proxy/,
        remedy: /^give it as HTTPS_PROXY=/,
        error: ["network_proxy", 5],
      });
      assertFinds(found, "reachability", {
        result: "skipped",
        message: /^not checked, as it is not known which proxy leads/,
      });
    });

    it("fails on the way where it does not answer", async () => {
      const found = await at(`https://${NAME}`, { HTTPS_PROXY: deadUrl() });
      assertNotWell(found, UNREACHABLE);
      assertFinds(found, "reachability", {
        result: "failed",
        message: /^the proxy 127\.0\.0\.1:\d+, which .* can't be reached$/,
        remedy: /HTTPS_PROXY/,
        error: ["network_proxy", 5],
      });
    });
  });

  describe("the authorities", () => {
    it("and counts them by where they come from", async () => {
      await using server = new StrangeServer(() => me());
      const file = home.at("corp.pem");
      Deno.mkdirSync(home.at("folder"), { recursive: true });
      Deno.writeTextFileSync(home.at("folder/a.pem"), below.cert);
      const found = await at(
        server.url,
        { SSL_CERT_FILE: file, SSL_CERT_DIR: home.at("folder") },
        ...["--ca-file", file],
      );
      assertFinds(found, "authorities", {
        result: "ok",
        message: new RegExp(
          `^\\d{2,} built in, 1 from SSL_CERT_FILE \\(${file}\\), ` +
            `1 from SSL_CERT_DIR \\(${home.path}/folder\\), 1 from --ca-file \\(${file}\\)$`,
        ),
      });
      const variable = await at(server.url, { NANOCTL_CA_FILE: file });
      assertFinds(variable, "authorities", {
        result: "ok",
        message: /, 1 from NANOCTL_CA_FILE \(.*corp\.pem\)$/,
      });
    });

    it("fails where a file of them can't be used", async () => {
      await using server = new StrangeServer(() => me());
      Deno.writeTextFileSync(home.at("words"), "no certificate");
      const bad = authority.cert.replace(/^M/m, "*");
      Deno.writeTextFileSync(home.at("bad.pem"), bad);
      const cases: [Record<string, string>, RegExp][] = [
        [{ NANOCTL_CA_FILE: home.at("none") }, /there is no such file$/],
        [{ NANOCTL_CA_FILE: home.at("words") }, /no PEM certificate$/],
        [{ SSL_CERT_FILE: home.at("words") }, /no PEM certificate$/],
        [{ SSL_CERT_FILE: home.at("bad.pem") }, /are malformed$/],
      ];
      for (const [env, message] of cases) {
        const found = await at(server.url, env);
        assertNotWell(found, {
          authorities: "failed",
          ...UNREACHABLE,
          reachability: "skipped",
        });
        assertFinds(found, "authorities", {
          result: "failed",
          message,
          remedy: /(CA_FILE$|, or unset it$)/,
          error: ["usage", 2],
        });
        assertFinds(found, "reachability", {
          result: "skipped",
          message: /^not checked, as a client needs the authorities$/,
        });
      }
      assertEquals(server.caught.length, 0);
    });

    it("warns of a folder without any", async () => {
      await using server = new StrangeServer(() => me());
      const found = await at(server.url, { SSL_CERT_DIR: home.at("none") });
      assertNotWell(found, { authorities: "warning" });
      assertFinds(found, "authorities", {
        result: "warning",
        message: /; SSL_CERT_DIR names no certificate that is valid$/,
        remedy: /^set SSL_CERT_DIR right, or unset it$/,
      });
    });
  });

  describe("the reachability", () => {
    it("and says what works", async () => {
      await using server = new StrangeServer(() => me());
      const byName = server.url.replace("127.0.0.1", "localhost");
      const { server: tls, url } = await secure();
      await using _ = tls;
      const cases: [string, RegExp][] = [
        [server.url, /^connection and HTTP work; status 200 after \d+ ms$/],
        [byName, /^name, connection and HTTP work; status 200 /],
        [url, /^name, connection, TLS and HTTP work; status 200 /],
      ];
      for (const [at_, message] of cases) {
        const found = await at(at_, {}, "--ca-file", home.at("corp.pem"));
        assertNotWell(found, {});
        assertFinds(found, "reachability", { result: "ok", message });
      }
      // The first request is without the token.
      assertEquals(
        server.caught.map(({ headers }) => headers.has("authorization")),
        [false, true, false, true],
      );
    });

    const faults: [
      what: string,
      server: () => ByteServer | string,
      args: string[],
      message: RegExp,
      error: [string, number],
    ][] = [
      [
        "a name that is not found",
        () => "https://nobody.invalid",
        [],
        /^the name nobody\.invalid was not found$/,
        ["network_name", 5],
      ],
      [
        "a connection that is refused",
        deadUrl,
        [],
        /\(connection refused\)$/,
        ["network_refused", 5],
      ],
      [
        "no answer in time",
        () => new ByteServer(undefined),
        ["--timeout", "0.3"],
        /did not answer within 0\.3 s$/,
        ["network_timeout", 5],
      ],
      [
        "what is not HTTP",
        () => new ByteServer("hello\r\n"),
        [],
        /does not speak HTTP$/,
        ["service_response", 6],
      ],
      [
        "a service that fails",
        () => saying("503 Sorry", "Retry-After: 3600\r\n"),
        [],
        /answers with status 503$/,
        ["service_error", 6],
      ],
    ];
    for (const [what, serve, args, message, error] of faults) {
      it(`fails for ${what}`, async () => {
        const served = serve();
        await using server = typeof served === "string" ? undefined : served;
        const found = await at(server?.url ?? `${served}`, {}, ...args);
        assertNotWell(found, UNREACHABLE);
        assertFinds(found, "reachability", {
          result: "failed",
          message,
          remedy: /./,
          error,
        });
      });
    }

    it("fails for a certificate of nobody that this machine trusts", async () => {
      const { server, url } = await secure();
      await using _ = server;
      const found = await at(url);
      assertNotWell(found, UNREACHABLE);
      assertFinds(found, "reachability", {
        result: "failed",
        message: /issued by Corp Root, which this machine does not trust$/,
        remedy: /--ca-file/,
        error: ["network_tls", 5],
      });
      assertEquals(server.caught.length, 0);
    });

    it("warns of a redirect to another host", async () => {
      await using other = new StrangeServer(() => new Response("sign in"));
      await using server = new StrangeServer(() =>
        Response.redirect(other.url)
      );
      const found = await at(server.url);
      assertFinds(found, "reachability", {
        result: "warning",
        message: /^the service redirects to http:\/\/127\.0\.0\.1:\d+, which/,
        remedy: /--url .*--header/,
      });
      assertFinds(found, "clock", {
        result: "skipped",
        message: /does not say its time$/,
      });
      assertFinds(found, "token", {
        result: "failed",
        message: /redirected to/,
        remedy: /--url/,
        error: ["redirect_refused", 6],
      });
    });
  });

  describe("the certificate", () => {
    it("and says who signed it, from where that is known, and its end", async () => {
      for (const issuer of [authority, below]) {
        const { server, url } = await secure({ issuer });
        await using _ = server;
        const found = await at(url, { SSL_CERT_FILE: home.at("corp.pem") });
        // An older runtime does not give the certificates above the first one.
        const names = issuer === below
          ? "Corp Issuing(, below Corp Root, from SSL_CERT_FILE .*pem\\))?"
          : "Corp Root, from SSL_CERT_FILE \\(.*corp\\.pem\\)";
        assertNotWell(found, {});
        assertFinds(found, "certificate", {
          result: "ok",
          message: new RegExp(
            `^issued by ${names}; it expires on \\S+ \\(in 30 days\\)$`,
          ),
        });
      }
    });

    it("warns of one that expires within a week", async () => {
      const { server, url } = await secure({ forDays: 2 });
      await using _ = server;
      const found = await at(url, { NANOCTL_CA_FILE: home.at("corp.pem") });
      assertNotWell(found, { certificate: "warning" });
      assertFinds(found, "certificate", {
        result: "warning",
        message: /^issued by Corp Root, from NANOCTL_CA_FILE .*in 2 days\)$/,
        remedy: /^the service must renew its certificate$/,
      });
    });

    it("is not made through a proxy", async () => {
      const { server, url } = await secure();
      await using _ = server;
      await using proxy = new NameProxy(server.url);
      const found = await at(
        `https://${NAME}:${new URL(url).port}`,
        { HTTPS_PROXY: proxy.url(), SSL_CERT_FILE: home.at("corp.pem") },
      );
      assertNotWell(found, { certificate: "skipped" });
      assertFinds(found, "certificate", {
        result: "skipped",
        message: /^not checked, as the proxy 127\.0\.0\.1:\d+ is between/,
      });
    });

    it("finds none for http", async () => {
      await using server = new StrangeServer(() => me());
      assertFinds(await at(server.url), "certificate", {
        result: "ok",
        message: /^none: http has none$/,
      });
    });
  });

  describe("the clock", () => {
    /** A service whose clock is so far ahead of ours, in milliseconds. */
    function ahead(by: number): StrangeServer {
      return new StrangeServer(() => {
        const answer = me();
        const time = new Date(Date.now() + by);
        answer.headers.set("date", time.toUTCString());
        return answer;
      });
    }

    for (const by of [0, -30_000, 20_000]) {
      it(`which is ${by} ms off, and that is well`, async () => {
        await using server = ahead(by);
        const found = await at(server.url);
        assertNotWell(found, {});
        assertFinds(found, "clock", {
          result: "ok",
          message: /^this machine's clock agrees with the service's to the/,
        });
      });
    }

    for (
      const [by, words] of [[5 * HOUR, "behind"], [
        -5 * HOUR,
        "ahead of",
      ]] as const
    ) {
      it(`and fails where it is five hours ${words} the service's`, async () => {
        await using server = ahead(by);
        const found = await at(server.url);
        assertNotWell(found, { clock: "failed" });
        assertFinds(found, "clock", {
          result: "failed",
          message: new RegExp(`clock is 5 hours ${words} the service's$`),
          remedy: /^set this machine's clock/,
          error: ["failed", 1],
        });
      });
    }

    it("is not made where the service does not say its time", async () => {
      await using server = saying("200 OK");
      assertFinds(await at(server.url), "clock", {
        result: "skipped",
        message: /^not checked, as the service's answer does not say its time$/,
      });
    });
  });

  it("shows none of the headers that it sends", async () => {
    await using server = new StrangeServer(() => me());
    const { stdout, stderr } = await run(
      ["doctor", "--verbose", "--header", "X-Access=s3cret-of-a-proxy"],
      {
        home,
        env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: TOKEN },
      },
    );
    assertEquals(
      server.caught[0]?.headers.get("x-access"),
      "s3cret-of-a-proxy",
    );
    assertMatch(stderr, /GET http/);
    for (const secret of ["s3cret", TOKEN]) {
      assert(!`${stdout}${stderr}`.includes(secret), stdout + stderr);
    }
  });
});
