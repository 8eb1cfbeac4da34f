import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Authority } from "../support/certificates.ts";
import {
  assertFails,
  assertFailure,
  assertJsonFailure,
  Home,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import { ByteServer, deadUrl, me, StrangeServer } from "../support/servers.ts";
import { Service } from "../support/service.ts";

const WHOAMI = ["whoami", "--token", "nano_some"];

describe("a network error", () => {
  let authority: Authority;

  beforeAll(async () => {
    authority = await Authority.create();
  });

  it("exits 5 for a name that is not found", async () => {
    const args = [...WHOAMI, "--url", "https://nobody.invalid"];
    await assertFails(args, {}, {
      exit: 5,
      code: "network_name",
      message: /^the name nobody\.invalid was not found$/,
      hint: /spelling/,
    });
  });

  it("exits 5 for a refused connection, and names dev-server", async () => {
    const args = [...WHOAMI, "--url", deadUrl()];
    await assertFails(args, {}, {
      exit: 5,
      code: "network_refused",
      message:
        /^nothing answers at http:\/\/127\.0\.0\.1:\d+ \(connection refused\)$/,
      hint: /'nanoctl dev-server'.*--url or NANOSERVICES_URL/,
    });
  });

  it("exits 5 for a service that never answers", async () => {
    await using server = new ByteServer(undefined);
    const args = [...WHOAMI, "--url", server.url, "--timeout", "0.2"];
    await assertFails(args, {}, {
      exit: 5,
      code: "network_timeout",
      message: /did not answer within 0\.2 s$/,
      hint: /--timeout/,
    });
  });

  it("exits 5 for a connection that is cut", async () => {
    await using server = new ByteServer("");
    await assertFails([...WHOAMI, "--url", server.url], {}, {
      exit: 5,
      code: "network",
      message: /^the connection to 127\.0\.0\.1:\d+ failed$/,
      hint: /check the network/,
    });
  });

  it("exits 6 for a server that does not speak HTTP", async () => {
    await using server = new ByteServer("SSH-2.0-OpenSSH_9.2\r\n");
    await assertFails([...WHOAMI, "--url", server.url], {}, {
      exit: 6,
      code: "service_response",
      message: /does not speak HTTP$/,
      hint: /scheme and the port/,
    });
  });

  describe("of a proxy", () => {
    const args = [...WHOAMI, "--url", "https://nobody.invalid"];
    const expected = {
      exit: 5,
      code: "network_proxy",
      message: /proxy/,
      hint: /HTTPS_PROXY/,
    };

    it("exits 5 when nothing answers at the proxy's address", async () => {
      await assertFails(args, { env: { HTTPS_PROXY: deadUrl() } }, expected);
    });

    it("exits 5 when the proxy refuses", async () => {
      await using proxy = new ByteServer(
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
      );
      await assertFails(args, { env: { HTTPS_PROXY: proxy.url } }, {
        ...expected,
        code: "network_proxy_login",
      });
    });

    it("has no part in what goes to this machine", async () => {
      await using server = new StrangeServer(() => me());
      const proxy = deadUrl();
      const { stdout } = await run([...WHOAMI, "--url", server.url], {
        env: { HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy },
      });
      assertEquals(stdout, "mallory\n");
    });
  });

  describe("of TLS", () => {
    const cases = [
      {
        name: "an authority that nobody trusts",
        wish: {},
        trusted: false,
        message:
          /issued by nanoctl test authority, which this machine does not trust$/,
        hint: /--ca-file or NANOCTL_CA_FILE/,
      },
      {
        name: "a certificate that has expired",
        wish: { notAfter: new Date(Date.now() - 86_400_000) },
        trusted: true,
        message: /its certificate has expired$/,
        hint: /renew/,
      },
      {
        name: "a certificate for another address",
        wish: { addresses: ["127.0.0.2"] },
        trusted: true,
        message: /its certificate is for another name$/,
        hint: /--url/,
      },
    ];
    for (const { name, wish, trusted, message, hint } of cases) {
      it(`exits 5 for ${name}, and sends nothing`, async () => {
        using home = new Home();
        Deno.writeTextFileSync(home.at("ca.pem"), authority.pem);
        const identity = await authority.issue(wish);
        await using server = new StrangeServer(() => me(), identity);
        const args = [...WHOAMI, "--url", server.url];
        if (trusted) args.push("--ca-file", home.at("ca.pem"));
        await assertFails(args, { home }, {
          exit: 5,
          code: "network_tls",
          message,
          hint,
        });
        assertEquals(server.caught, []);
      });
    }

    it("exits 5 for https to a port that speaks http", async () => {
      await using server = new StrangeServer(() => me());
      const url = server.url.replace("http:", "https:");
      await assertFails([...WHOAMI, "--url", url], {}, {
        exit: 5,
        code: "network_tls",
        message: /the TLS handshake failed$/,
        hint: /speaks https/,
      });
    });

    it("is mended by --ca-file and by NANOCTL_CA_FILE", async () => {
      using home = new Home();
      Deno.writeTextFileSync(home.at("ca.pem"), authority.pem);
      const identity = await authority.issue();
      await using server = new StrangeServer(() => me(), identity);
      const args = [...WHOAMI, "--url", server.url];
      const byOption = await run([...args, "--ca-file", home.at("ca.pem")]);
      assertEquals(byOption.stdout, "mallory\n", byOption.stderr);
      const env = { NANOCTL_CA_FILE: home.at("ca.pem") };
      assertEquals((await run(args, { env })).stdout, "mallory\n");
    });

    for (
      const [name, content, says] of [
        ["missing", undefined, /there is no such file/],
        ["without a certificate", "none here\n", /no PEM certificate/],
        [
          "with a malformed certificate",
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
          /is malformed/,
        ],
      ] as const
    ) {
      it(`exits 2 for a CA file that is ${name}`, async () => {
        using home = new Home();
        const path = home.at("ca.pem");
        if (content) Deno.writeTextFileSync(path, content);
        await assertFails([...WHOAMI, "--ca-file", path], {}, {
          exit: 2,
          code: "usage",
          message: says,
          hint: /PEM/,
        });
      });
    }
  });
});

describe("an answer that is an error", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  const page = /\/settings\/tokens$/;
  const cases = [
    {
      wish: { state: "expired" },
      exit: 4,
      code: "token_expired",
      message: /refused the token from --token: it has expired$/,
      hint: page,
    },
    {
      wish: { state: "revoked" },
      exit: 4,
      code: "token_revoked",
      message: /refused the token from --token: it was revoked$/,
      hint: page,
    },
    {
      wish: { scopes: [] },
      exit: 4,
      code: "insufficient_scope",
      message: /lacks a scope.*account:read/,
      hint: /more scopes/,
    },
    {
      wish: { state: "rate_limited", retry_after: 3600 },
      exit: 6,
      code: "rate_limited",
      message: /no more requests for now \(429\)$/,
      hint: /^try again in 3600 seconds$/,
    },
    {
      wish: { state: "failing" },
      exit: 6,
      code: "service_error",
      message: /failed with status 500/,
      hint: /try again later/,
    },
    {
      wish: { state: "unavailable", retry_after: 3600 },
      exit: 6,
      code: "service_error",
      message: /failed with status 503/,
      hint: /try again later/,
    },
    {
      wish: { state: "garbled" },
      exit: 6,
      code: "service_response",
      message: /answered with a web page, perhaps a sign-in page or a captiv/,
      hint: /^open the service's URL in a browser/,
    },
    {
      wish: { state: "misshapen" },
      exit: 6,
      code: "service_response",
      message: /in the wrong shape: username/,
      hint: /check that the URL/,
    },
    {
      wish: { state: "slow", delay: 600 },
      timeout: 0.3,
      exit: 5,
      code: "network_timeout",
      message: /did not answer within 0\.3 s$/,
      hint: /--timeout/,
    },
  ];
  for (const { wish, timeout, ...expected } of cases) {
    it(`exits ${expected.exit} with ${expected.code} for ${JSON.stringify(wish)}`, async () => {
      using home = new Home();
      const { token } = await service.mint(wish);
      const limit = timeout ? ["--timeout", `${timeout}`] : [];
      const env = service.env;
      for (const command of ["whoami", "login"]) {
        const args = [command, "--token", token, ...limit];
        await assertFails(args, { home, env }, expected);
      }
      assertEquals(home.entries(), []);
    });
  }

  it("exits 4 for a token that the service does not know", async () => {
    await assertFails(WHOAMI, { env: service.env }, {
      exit: 4,
      code: "token_invalid",
      message: /refused the token from --token: it is not valid$/,
      hint: page,
    });
  });

  it("exits 6 for a path at which there is no service", async () => {
    const args = [...WHOAMI, "--url", `${service.url}/nothing/here`];
    await assertFails(args, {}, {
      exit: 6,
      code: "service_response",
      message: /unexpected status 404/,
      hint: /check that the URL/,
    });
  });

  const passing = [
    { state: "rate_limited", retry_after: 0, fail_times: 2 },
    { state: "unavailable", retry_after: 0, fail_times: 2 },
  ];
  for (const wish of passing) {
    it(`is tried again for ${wish.state}, three times in all`, async () => {
      const { token, id } = await service.mint(wish);
      const { code, stdout } = await service.run(
        ["whoami", "--token", token],
        undefined,
      );
      assertEquals([code, stdout], [0, "ada\n"]);
      assertEquals(await service.requestsWith(id), 3);
    });
  }

  it("exits 6 for a body without an end", async () => {
    await using server = new StrangeServer(() =>
      new Response(" ".repeat(11 << 20))
    );
    await assertFails([...WHOAMI, "--url", server.url], {}, {
      exit: 6,
      code: "service_response",
      message: /more than 10 MiB$/,
    });
  });

  it("lets nothing that the service says repaint the terminal", async () => {
    const detail = "\x1b[2J\x1b]0;owned\x07\u202egood\nhint: run this\u009b1m";
    await using server = new StrangeServer(() =>
      Response.json({ detail }, { status: 403 })
    );
    const username = "\x1b[31mroot\u202e\nerror: no";
    await using greeter = new StrangeServer(() => me({ username }));
    const unsafe =
      // deno-lint-ignore no-control-regex
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
    for (const command of ["whoami", "login", "status"]) {
      for (const url of [server.url, greeter.url]) {
        for (const form of [["--verbose"], ["--json"]]) {
          const check = command === "status" ? ["--check"] : [];
          const args = [command, "--token", "x", "--url", url];
          const result = await run([...args, ...check, ...form]);
          const { stdout, stderr } = result;
          assert(!unsafe.test(stdout + stderr), JSON.stringify(result));
          assert(!/^hint: run this/m.test(stderr), stderr);
          assert(!/^error: no/m.test(stdout + stderr), stderr);
        }
      }
    }
  });

  it("is ended by Ctrl-C with 130", async () => {
    const { token, id } = await service.mint({ state: "slow", delay: 600 });
    const expected = {
      exit: 130,
      code: "interrupted",
      message: /^interrupted$/,
    };
    const args = ["whoami", "--token", token];
    for (
      const [form, requests, assertion] of [
        [[], 1, assertFailure],
        [["--json"], 2, assertJsonFailure],
      ] as const
    ) {
      const child = start([...args, ...form], { env: service.env });
      await until(
        async () => await service.requestsWith(id) === requests,
        "the request is under way",
      );
      child.kill("SIGINT");
      assertion(await child.end(), expected);
    }
  });
});
