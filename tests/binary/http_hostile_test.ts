import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Authority, type Identity } from "../support/certificates.ts";
import {
  answer,
  type Answering,
  brotliBomb,
  type Bytes,
  fromLatin1,
  gzipBomb,
  head,
  HostileServer,
  ME,
  meAnswer,
  type Measured,
  pause,
  type Peer,
  runMeasured,
} from "../support/hostile_server.ts";
import {
  assertFails,
  assertFailure,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { timesSent } from "../support/runtime.ts";
import { report } from "../support/store_files.ts";

const TOKEN = "nano_FORTHEONEANDONLY";
/** A header of the caller's own, which is nobody else's business either. */
const OWN_SECRET = "OWNSECRET";
const WHOAMI = ["whoami", "--token", TOKEN];
const API = ["api", "/v1/me", "--token", TOKEN, "-H", `x-own: ${OWN_SECRET}`];
const POST = ["-X", "POST", "-f", "some=BODYSECRET"];

const STATUSES = [301, 302, 303, 307, 308];
/** What one answer may not make the program grow by, in MiB: ten of them come to about 75 as text. */
const GROWTH = 128;
/** How long over its time limit a run may take on a busy machine, in seconds. */
const SLACK = 30;

function redirect(to: string, status: number | string = 302): string {
  return answer(status, { location: to });
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** Nothing that is ours reached this server. */
function assertNothingOfOurs(server: HostileServer): void {
  const { received } = server;
  for (const secret of [TOKEN.slice(5), OWN_SECRET, "BODYSECRET"]) {
    assert(!received.includes(secret), `it was told a secret: ${received}`);
  }
  assert(
    !/^(authorization|proxy-authorization|cookie|x-own|coder-session-token|referer|origin):/im
      .test(received),
    `it was told too much: ${received}`,
  );
}

/** Every request came with the token, once. */
function assertTokenOnceEach(server: HostileServer): void {
  assertEquals(
    server.heard.map(({ head }) => count(head, `Bearer ${TOKEN}`)),
    server.heard.map(() => 1),
  );
  assertEquals(count(server.received, TOKEN), server.heard.length);
}

/** One error and at most one hint, in characters that no terminal obeys. */
function assertTame({ stderr }: Result): void {
  assert(
    // deno-lint-ignore no-control-regex
    !/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffd]/
      .test(stderr),
    JSON.stringify(stderr),
  );
  assertMatch(stderr, /^(error: [^\n]+\n(hint: [^\n]+\n)?)?$/);
  assert(!/^\s+at |\.ts:\d|inside nanoctl|panicked/m.test(stderr), stderr);
  assert(!stderr.includes(TOKEN), stderr);
}

describe("a hostile server that redirects elsewhere", () => {
  /** How another origin can be written, given the two servers that are there. */
  const elsewhere: [
    name: string,
    host: string,
    location: (own: HostileServer, other: HostileServer) => string,
  ][] = [
    ["another port", "127.0.0.1", (_, { port }) => `http://127.0.0.1:${port}/`],
    [
      "another address",
      "127.0.0.2",
      (_, { port }) => `http://127.0.0.2:${port}/`,
    ],
    ["IPv6", "::1", (_, { port }) => `http://[::1]:${port}/`],
    ["a name", "127.0.0.1", (_, { port }) => `http://localhost:${port}/`],
    ["two slashes", "127.0.0.2", (_, { port }) => `//127.0.0.2:${port}/x`],
    ["backslashes", "127.0.0.2", (_, { port }) => `\\\\127.0.0.2:${port}\\x`],
    [
      "a slash and a backslash",
      "127.0.0.2",
      (_, { port }) => `/\\127.0.0.2:${port}/x`,
    ],
    [
      "slashes left out",
      "127.0.0.2",
      (_, { port }) => `http:/\t/127.0.0.2:${port}/x`,
    ],
    [
      "a tab in the scheme",
      "127.0.0.2",
      (_, { port }) => `ht\ttp://127.0.0.2:${port}/`,
    ],
    ["a number", "127.0.0.2", (_, { port }) => `http://2130706434:${port}/`],
    [
      "hexadecimal digits",
      "127.0.0.2",
      (_, { port }) => `HTTP://0x7f.2:0${port}/`,
    ],
    [
      "our own origin in the path and the query",
      "127.0.0.2",
      ({ url }, { port }) => `http://127.0.0.2:${port}/${url}/?next=${url}`,
    ],
    [
      "our own origin in the fragment",
      "127.0.0.2",
      ({ port: own }, { port }) =>
        `http://127.0.0.2:${port}#@127.0.0.1:${own}/`,
    ],
  ];

  for (const [name, hostname, location] of elsewhere) {
    it(`gets no token there, written with ${name}`, async () => {
      for (const status of STATUSES) {
        await using other = new HostileServer(meAnswer(), { hostname });
        await using own: HostileServer = new HostileServer(() =>
          redirect(location(own, other), status)
        );
        const results = await Promise.all([
          run([...WHOAMI, "--url", own.url]),
          run([...API, "--url", own.url]),
          run([...API, ...POST, "--url", own.url]),
        ]);
        const told = `${status}: ${results.map(({ stderr }) => stderr)}`;
        // whoami takes nobody else's word; api goes by the status, as far as it may.
        assertEquals(
          results.map(({ code }) => code),
          [6, 0, status < 307 ? 0 : 6],
          told,
        );
        assertEquals(results[0]?.stdout, "");
        for (const result of results) assertTame(result);
        assertNothingOfOurs(other);
        // A request that keeps its body stays at home altogether.
        const follows = status < 307 ? ["GET", "GET", "GET"] : ["GET", "GET"];
        assertEquals(other.heard.map(({ method }) => method), follows, told);
        assertEquals(own.heard.length, 3);
        assertTokenOnceEach(own);
      }
    });
  }

  it("gets no token at the same port of another address", async () => {
    await using own: HostileServer = new HostileServer(() =>
      redirect(`http://127.0.0.2:${own.port}/`)
    );
    await using other = new HostileServer(meAnswer(), {
      hostname: "127.0.0.2",
      port: own.port,
    });
    const { code } = await run([...WHOAMI, "--url", own.url]);
    await run([...API, "--url", own.url]);
    assertEquals([code, other.heard.length], [6, 2]);
    assertNothingOfOurs(other);
  });

  it("gets no token under another name of itself", async () => {
    await using own: HostileServer = new HostileServer(({ head }) =>
      head.includes("host: localhost")
        ? meAnswer()
        : redirect(`http://localhost:${own.port}/`)
    );
    const { code } = await run([...WHOAMI, "--url", own.url]);
    assertEquals(code, 6);
    assertEquals(
      own.heard.map(({ head }) => count(head, TOKEN)),
      [1, 0],
    );
    // And the other way round: the name is what the token is for.
    const byName = await run([
      ...WHOAMI,
      "--url",
      `http://localhost:${own.port}`,
    ]);
    assertEquals([byName.code, byName.stdout], [0, "mallory\n"]);
  });

  it("keeps the token however it writes its own origin", async () => {
    for (
      const location of [
        (): string => "/moved",
        (): string => "moved",
        (): string => "?moved",
        (own: HostileServer): string => `//127.0.0.1:${own.port}/moved`,
        (own: HostileServer): string => `HTTP://127.1:${own.port}/moved`,
        (own: HostileServer): string => `http://2130706433:${own.port}/moved`,
      ]
    ) {
      await using own: HostileServer = new HostileServer(({ target }) =>
        target.includes("moved") ? meAnswer() : redirect(location(own))
      );
      const { code, stdout } = await run([...WHOAMI, "--url", own.url]);
      assertEquals([code, stdout], [0, "mallory\n"], location(own));
      assertEquals(own.heard.length, 2);
      assertTokenOnceEach(own);
    }
  });

  it("gets nothing by user info in a Location", async () => {
    await using other = new HostileServer(meAnswer(), {
      hostname: "127.0.0.2",
    });
    const there = `127.0.0.2:${other.port}`;
    for (
      const location of [
        (): string => `http://user:password@${there}/`,
        (): string => `http://user@${there}/`,
        (): string => `//:password@${there}/`,
        (own: HostileServer): string => `http://127.0.0.1:${own.port}@${there}`,
        (own: HostileServer): string => `//127.0.0.1%3a${own.port}@${there}/`,
        (own: HostileServer): string => `http://a:b@127.0.0.1:${own.port}/`,
      ]
    ) {
      await using own: HostileServer = new HostileServer(() =>
        redirect(location(own))
      );
      await assertFails([...WHOAMI, "--url", own.url], {}, {
        exit: 6,
        code: "redirect_refused",
        message: /user name or a password/,
        hint: /URL/,
      });
      assertEquals(own.heard.length, 2, "one each, with and without --json");
    }
    assertEquals(other.connections, 0);
  });

  it("is not followed to what is no URL, or no http", async () => {
    const locations = [
      ...["//", "///127.0.0.2/", "http:", "http://", "http://[", "http://a b/"],
      ...["http://127.0.0.1:99999/", "http://%00/", "https://"],
      ...["javascript:alert(1)", "data:application/json,{}", "about:blank"],
      ...["file:///etc/passwd", "ftp://127.0.0.1/", "blob:http://127.0.0.1/x"],
      ...["ws://127.0.0.1/", "gopher://127.0.0.1/", "nanoctl:", "\x9b:x"],
    ];
    for (const location of locations) {
      await using own: HostileServer = new HostileServer(({ target }) =>
        target.startsWith("/v1/me") ? redirect(location) : meAnswer()
      );
      const result = await run([...WHOAMI, "--url", own.url]);
      assertTame(result);
      // What is left may be a path of its own, and then it is followed.
      const isPath = location === "http:" || location === "\x9b:x";
      if (!isPath) {
        assertFailure(result, {
          exit: 6,
          code: "redirect_refused",
          message: /^http:\/\/127\.0\.0\.1:\d+ redirects to /,
          hint: /URL/,
        });
        assertEquals(own.heard.length, 1, location);
      }
      assertTokenOnceEach(own);
    }
  });

  it("is followed five times and not a sixth", async () => {
    for (const [hops, exit, requests] of [[5, 0, 6], [6, 6, 6]]) {
      await using own = new HostileServer(({ target }) => {
        const hop = Number(/\d+$/.exec(target.replace("/v1/me", ""))?.[0] ?? 0);
        return hop === hops ? meAnswer() : redirect(`/hop/${hop + 1}`);
      });
      const result = await run([...WHOAMI, "--url", own.url]);
      assertEquals(result.code, exit, result.stderr);
      assertTame(result);
      assertEquals(own.heard.length, requests);
      assertTokenOnceEach(own);
    }
  });

  it("can't play ball with another one", async () => {
    await using other: HostileServer = new HostileServer(
      () => redirect(`${own.url}/back`, 307),
      { hostname: "127.0.0.2" },
    );
    await using own: HostileServer = new HostileServer(() =>
      redirect(`${other.url}/there`, 308)
    );
    await assertFails([...WHOAMI, "--url", own.url], {}, {
      exit: 6,
      code: "redirect_refused",
      message: /more than 5 times/,
      hint: /URL/,
    });
    assertNothingOfOurs(other);
    // Twice, with and without --json: there, back, there, back, there.
    assertEquals([own.heard.length, other.heard.length], [6, 6]);
    assertEquals(
      own.heard.map(({ target, head }) => [target, count(head, TOKEN)]).sort(),
      [
        ...Array(4).fill(["/back", 0]),
        ...Array(2).fill(["/v1/me", 1]),
      ],
    );
  });

  it("gets no token there by one more redirect, within that place or back and on", async () => {
    for (const status of STATUSES) {
      await using other: HostileServer = new HostileServer(
        ({ target }) => {
          if (target === "/there") return redirect("/further", status);
          if (target === "/further") return redirect(`${own.url}/back`, status);
          return meAnswer();
        },
        { hostname: "127.0.0.2" },
      );
      await using own: HostileServer = new HostileServer(({ target }) => {
        if (target === "/v1/me") return redirect(`${other.url}/there`, status);
        if (target === "/back") return redirect("/on", status);
        return redirect(`${other.url}/end`, status);
      });
      const { code } = await run([...WHOAMI, "--url", own.url]);
      assertEquals(code, 6);
      assertNothingOfOurs(other);
      assertEquals(
        [other, own].map(({ heard }) => heard.map(({ target }) => target)),
        [["/there", "/further", "/end"], ["/v1/me", "/back", "/on"]],
      );
      // What led there and back again is no request of ours any more.
      assertEquals(
        own.heard.map(({ head }) => count(head, TOKEN)),
        [1, 0, 0],
      );
    }
  });

  it("gets nothing there when it fails and the request is tried again", async () => {
    await using other = new HostileServer(
      answer(503, { "retry-after": "0" }),
      { hostname: "127.0.0.2" },
    );
    await using own = new HostileServer(() => redirect(other.url));
    const result = await run([...WHOAMI, "--url", own.url]);
    assertEquals(result.code, 6);
    assertEquals([own.heard.length, other.heard.length], [3, 3]);
    assertTokenOnceEach(own);
    assertNothingOfOurs(other);
  });

  it("gets no token by headers that name another place", async () => {
    await using other = new HostileServer(meAnswer());
    const there = `${other.url}/`;
    const hints: [status: number, headers: Record<string, string>][] = [
      [200, { refresh: `0; url=${there}` }],
      [200, { link: `<${there}>; rel=preload`, "content-location": there }],
      [200, { "alt-svc": `http/1.1="127.0.0.1:${other.port}"; ma=86400` }],
      [201, { location: there }],
      [300, { location: there }],
      [304, { location: there }],
      [305, { location: there }],
      [401, { "www-authenticate": `Basic realm="x"`, location: there }],
      [401, { "www-authenticate": `Bearer authorization_uri="${there}"` }],
      [407, { "proxy-authenticate": "Basic", location: there }],
      [421, { location: there }],
      [503, { location: there, "retry-after": "0", refresh: `0; ${there}` }],
    ];
    for (const [status, headers] of hints) {
      await using own = new HostileServer(
        status < 300 ? meAnswer(headers) : answer(status, headers),
      );
      const results = await Promise.all([
        run([...WHOAMI, "--url", own.url]),
        run([...API, "--url", own.url]),
      ]);
      const exits = results.map(({ code }) => code);
      const expected = status < 300
        ? [0, 0]
        : status === 401
        ? [4, 4]
        : status === 503
        ? [6, 6]
        : [6, 1];
      assertEquals(exits, expected, `${status}`);
      results.forEach(assertTame);
      assertTokenOnceEach(own);
    }
    assertEquals(other.connections, 0);
  });

  it("gets no token by two Location headers at once", async () => {
    await using other = new HostileServer(meAnswer(), {
      hostname: "127.0.0.2",
    });
    await using own: HostileServer = new HostileServer(({ target }) =>
      target === "/v1/me"
        ? answer(302, {
          location: `${own.url}/x`,
          Location: `${other.url}/y`,
        })
        : meAnswer()
    );
    assertTame(await run([...WHOAMI, "--url", own.url]));
    assertNothingOfOurs(other);
  });

  it("gets back no cookie that it set", async () => {
    const cookies = {
      "set-cookie": "session=EVIL; Path=/",
      "Set-Cookie": "other=EVIL; Domain=127.0.0.1; Max-Age=999; HttpOnly",
    };
    let asked = 0;
    await using own = new HostileServer(({ target }) => {
      if (target === "/v1/me") {
        return answer(302, { location: "/x", ...cookies });
      }
      return ++asked === 1
        ? answer(503, { "retry-after": "0", ...cookies })
        : meAnswer(cookies);
    });
    using home = new Home();
    const { code, stdout } = await run([...WHOAMI, "--url", own.url], { home });
    assertEquals([code, stdout], [0, "mallory\n"]);
    assertEquals(own.heard.length, 4);
    assert(!/cookie|EVIL/i.test(own.received), own.received);
    assertEquals(home.entries(), []);
  });

  it("can't have a login stored for it by another one's answer", async () => {
    await using other = new HostileServer(meAnswer(), {
      hostname: "127.0.0.2",
    });
    await using own = new HostileServer(() => redirect(other.url));
    using home = new Home();
    const { code } = await run(
      ["login", "--token", TOKEN, "--save", "--url", own.url],
      { home },
    );
    assertEquals(code, 6);
    assertNothingOfOurs(other);
    assertEquals(home.entries().filter((path) => path.endsWith(".json")), []);
  });
});

describe("a hostile server with TLS", () => {
  let authority: Authority;
  let identity: Identity;
  let home: Home;
  let trusting: string[];

  beforeAll(async () => {
    authority = await Authority.create();
    identity = await authority.issue({ addresses: ["127.0.0.1", "127.0.0.2"] });
    home = new Home();
    Deno.writeTextFileSync(home.at("ca.pem"), authority.pem);
    trusting = ["--ca-file", home.at("ca.pem")];
  });
  afterAll(() => home[Symbol.dispose]());

  it("can't have the request over plain http, at whatever hop or status", async () => {
    await using plain = new HostileServer(meAnswer());
    for (const status of STATUSES) {
      for (
        const start of [`http://127.0.0.1:${plain.port}/`, "/on"]
      ) {
        await using own = new HostileServer(
          ({ target }) =>
            redirect(
              target === "/on" ? `HTTP:${plain.url.slice(5)}/` : start,
              status,
            ),
          { identity },
        );
        const results = await Promise.all(
          [WHOAMI, API, [...API, ...POST], [...WHOAMI, "--insecure-http"]].map(
            (command) => run([...command, "--url", own.url, ...trusting]),
          ),
        );
        for (const result of results) {
          assertFailure(result, {
            exit: 6,
            code: "redirect_refused",
            message: /redirects from https to http, which is not followed$/,
            hint: /URL/,
            secret: TOKEN,
          });
        }
        assertEquals(own.heard.length, start === "/on" ? 8 : 4);
        assertTokenOnceEach(own);
      }
    }
    assertEquals(plain.connections, 0);
  });

  it("can't have the request on the same port in plain http", async () => {
    await using own: HostileServer = new HostileServer(
      () => redirect(own.url.replace("https:", "http:")),
      { identity },
    );
    const { code } = await run([...WHOAMI, "--url", own.url, ...trusting]);
    assertEquals([code, own.connections], [6, 1]);
  });

  it("gets no token at another origin with TLS, nor after a change to TLS", async () => {
    await using other = new HostileServer(meAnswer(), {
      hostname: "127.0.0.2",
      identity,
    });
    const from: [HostileServer, number][] = [];
    await using secure = new HostileServer(() => redirect(other.url), {
      identity,
    });
    await using plain = new HostileServer(() => redirect(other.url));
    from.push([secure, 1], [plain, 2]);
    for (const [server, requests] of from) {
      const { code } = await run([...WHOAMI, "--url", server.url, ...trusting]);
      assertEquals([code, server.heard.length], [6, 1]);
      assertTokenOnceEach(server);
      assertEquals(other.heard.length, requests);
    }
    assertNothingOfOurs(other);
  });

  it("gets no token when the place that it redirects to can't prove who it is", async () => {
    const stranger = await (await Authority.create()).issue();
    await using other = new HostileServer(meAnswer(), { identity: stranger });
    await using own = new HostileServer(() => redirect(other.url), {
      identity,
    });
    const { code } = await run([...WHOAMI, "--url", own.url, ...trusting]);
    assertEquals([code, other.heard.length], [5, 0]);
  });
});

const MIB_OF_BLANKS = " ".repeat(1 << 20);
/** It as a chunk of a body. */
const CHUNK = fromLatin1(`100000\r\n${MIB_OF_BLANKS}\r\n`);

/** Sends the same again and again, until nobody is there any more. */
async function flood(
  peer: Peer,
  bytes: Bytes,
  milliseconds = 0,
): Promise<void> {
  while (await peer.send(bytes)) {
    if (milliseconds > 0) await pause(milliseconds);
  }
}

const SENT = await timesSent();

describe("a hostile server that answers", () => {
  interface Case {
    name: string;
    answer: Bytes | Answering;
    exit: number;
    /** How often it may be asked. */
    requests?: number;
    /** What whoami says. */
    says?: RegExp;
    /** What `api` ends with, where it is not the same: it takes any body. */
    apiExit?: number;
    apiRequests?: number;
    /** The time limit, in seconds. */
    timeout?: number;
  }

  const longMe = ME.replace("mallory", "m".repeat(11 << 20));
  const chunked = { "transfer-encoding": "chunked" };
  const halfTwice = /^error: the connection to 127\.0\.0\.1:\d+ failed$/m;
  const late = /^error: 127\.0\.0\.1:\d+ did not answer within 0\.5 s$/m;
  const noSense = /^error: what answers at http:\S+ does not speak HTTP$/m;
  const noJson = /^error: http:\S+ answered with something that is not JSON/m;
  const wrongShape = /^error: http:\S+ answered in the wrong shape/m;
  const tooLong = /^error: the service answered with more than 10 MiB$/m;

  const cases: Case[] = [
    // Bodies that are too much.
    {
      name: "11 MiB of good JSON",
      answer: answer(200, {}, longMe),
      exit: 6,
      says: tooLong,
      apiExit: 0,
    },
    {
      name: "11 MiB of an error",
      answer: answer(401, {}, MIB_OF_BLANKS.repeat(11)),
      exit: 6,
      says: tooLong,
      apiExit: 4,
    },
    {
      name: "a redirect with a body without an end",
      answer: async ({ target }, peer) => {
        if (target !== "/v1/me") return meAnswer();
        await peer.send(head(302, { location: "/x", ...chunked }));
        await flood(peer, CHUNK);
      },
      exit: 0,
      requests: 2,
      says: /^$/,
    },
    // Too slow.
    {
      name: "nothing",
      answer: (_, peer) => flood(peer, "", 20),
      timeout: 0.5,
      exit: 5,
      says: late,
    },
    {
      name: "a head that trickles",
      answer: async (_, peer) => {
        await peer.send("HTTP/1.1 200 OK\r\n");
        await flood(peer, "a: b\r\n", 50);
      },
      timeout: 0.5,
      exit: 5,
      says: late,
    },
    {
      name: "interim answers without an end",
      answer: (_, peer) => flood(peer, "HTTP/1.1 100 Go on\r\n\r\n", 1),
      timeout: 0.5,
      exit: 5,
      says: late,
    },
    {
      name: "a body that stalls",
      answer: async (_, peer) => {
        await peer.send(head(200, { "content-length": "1000" }) + "{");
        await flood(peer, "", 20);
      },
      timeout: 0.5,
      exit: 5,
      says: late,
    },
    // Too little.
    {
      name: "half a body",
      answer: answer(200, { "content-length": "1000" }, ME),
      exit: 5,
      says: halfTwice,
      requests: 3,
      apiRequests: 1,
    },
    {
      name: "half a body in chunks",
      answer: `${head(200, chunked)}ff\r\n${ME.slice(0, 20)}`,
      exit: 5,
      says: halfTwice,
      requests: 3,
      apiRequests: 1,
    },
    {
      name: "chunks without the last one",
      answer: `${head(200, chunked)}${ME.length.toString(16)}\r\n${ME}\r\n`,
      exit: 5,
      says: halfTwice,
      requests: 3,
      apiRequests: 1,
    },
    {
      name: "half a head",
      answer: "HTTP/1.1 200 OK\r\nContent-Le",
      exit: 5,
      says: halfTwice,
      requests: 3 * SENT,
    },
    {
      name: "half a body whose length nobody said",
      answer: head(200) + ME.slice(0, 20),
      exit: 6,
      says: noJson,
      apiExit: 0,
    },
    {
      name: "no body",
      answer: answer(200),
      exit: 6,
      says: noJson,
      apiExit: 0,
    },
    // What no client can make sense of.
    {
      name: "two lengths",
      answer: answer(200, { "Content-Length": "7" }, ME),
      exit: 6,
      says: noSense,
    },
    {
      name: "a negative length",
      answer: answer(200, { "content-length": "-1" }, ME),
      exit: 6,
      says: noSense,
    },
    {
      name: "a header of a mebibyte",
      answer: answer(200, { "x-long": MIB_OF_BLANKS.replaceAll(" ", "x") }, ME),
      exit: 6,
      says: noSense,
    },
    {
      name: "headers without an end",
      answer: async (_, peer) => {
        await peer.send("HTTP/1.1 200 OK\r\n");
        await flood(peer, "a: b\r\n".repeat(1000));
      },
      exit: 6,
      says: noSense,
    },
    {
      name: "an escape in a header",
      answer: meAnswer({ "x-escape": "\x1b[2J\x1b]0;owned\x07" }),
      exit: 6,
      says: noSense,
    },
    {
      name: "an escape in the reason",
      answer: meAnswer().replace("Said", "\x1b[2JSaid"),
      exit: 6,
      says: noSense,
    },
    {
      name: "a header with a zero byte",
      answer: meAnswer({ "x-zero": "a\0b" }),
      exit: 6,
      says: noSense,
    },
    {
      name: "a status of two digits",
      answer: meAnswer().replace("200", "20"),
      exit: 6,
      says: noSense,
    },
    {
      name: "HTTP/2 without being asked",
      answer: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      exit: 6,
      says: noSense,
    },
    // What parses, and is wrong.
    {
      name: "a C1 control in a content type",
      answer: answer(200, { "content-type": "\x9b2Jtext\x9c\x85" }, "hello"),
      exit: 6,
      says: noJson,
      apiExit: 0,
    },
    {
      name: "invalid UTF-8",
      answer: answer(200, {}, "\xff\xfe\x80\xc0\xaf\xed\xa0\x80"),
      exit: 6,
      says: noJson,
      apiExit: 0,
    },
    {
      name: "invalid UTF-8 in an error",
      answer: answer(
        403,
        {},
        `{"detail":"\x1b[2J\\u001b[2J\\u009b1m\\u202ex"}`,
      ),
      exit: 4,
      says: /lacks a scope/,
    },
    {
      name: "a list within a list, a hundred thousand deep",
      answer: answer(200, {}, "[".repeat(1e5) + "]".repeat(1e5)),
      exit: 6,
      says: /^error: http/m,
      apiExit: 0,
    },
    {
      name: "prototypes in the place of members",
      answer: answer(200, {}, `{"__proto__":${ME},"constructor":${ME}}`),
      exit: 6,
      says: wrongShape,
      apiExit: 0,
    },
    {
      name: "JSON's null",
      answer: answer(200, {}, "null"),
      exit: 6,
      says: wrongShape,
      apiExit: 0,
    },
    {
      name: "a second answer behind the first",
      answer: answer(401, {}, "{}") + meAnswer(),
      exit: 4,
      says: /refused the token/,
    },
    {
      name: "a status that nobody knows",
      answer: answer(799, {}, ME),
      exit: 6,
      says: /799/,
    },
  ];

  for (const one of cases) {
    const { name, exit, requests = 1, timeout = 10, says } = one;
    it(`with ${name} is known for that: exit ${exit}`, async () => {
      const limit = ["--timeout", `${timeout}`];
      await using server = new HostileServer(one.answer);
      const whoami = await runMeasured([
        ...WHOAMI,
        ...limit,
        "--url",
        server.url,
      ]);
      assertEquals(whoami.code, exit, whoami.stderr);
      if (exit !== 0) assertEquals(whoami.stdout, "");
      if (says) assertMatch(whoami.stderr, says);
      assertTame(whoami);
      assertEquals(server.heard.length, requests);
      assertBounded(whoami, timeout);

      await using again = new HostileServer(one.answer);
      const api = await runMeasured([...API, ...limit, "--url", again.url]);
      assertEquals(api.code, one.apiExit ?? exit, api.stderr);
      assertTame(api);
      assertEquals(again.heard.length, one.apiRequests ?? requests);
      assertBounded(api, timeout);
      assertTokenOnceEach(server);
      assertTokenOnceEach(again);
    });
  }

  it("with invalid UTF-8 in a name has it shown as such", async () => {
    const body = ME.replace("mallory", "m\xff\xfe\xc3(\xe2\x80y");
    await using server = new HostileServer(answer(200, {}, body));
    const { code, stdout } = await run([...WHOAMI, "--url", server.url]);
    assertEquals([code, stdout], [0, "m\ufffd\ufffd\ufffd(\ufffdy\n"]);
  });

  it("with a body that trickles is given up in time, and by api only when it pauses", async () => {
    const trickle: Answering = async (_, peer) => {
      await peer.send(head(200, chunked));
      for (const char of ME.slice(0, 16)) {
        await pause(100);
        if (!await peer.send(`1\r\n${char}\r\n`)) return;
      }
      await peer.send("0\r\n\r\n");
    };
    await using server = new HostileServer(trickle);
    const limit = ["--timeout", "0.8", "--url", server.url];
    const whoami = await runMeasured([...WHOAMI, ...limit]);
    assertFailure(whoami, {
      exit: 5,
      code: "network_timeout",
      message: /did not answer within 0\.8 s$/,
      hint: /--timeout/,
    });
    assertBounded(whoami, 1);
    const api = await run([...API, ...limit]);
    assertEquals([api.code, api.stdout], [0, ME.slice(0, 16)]);
  });

  it("with an unasked-for change of protocol is not taken for success", async () => {
    await using server = new HostileServer(
      "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhi",
    );
    for (const command of [WHOAMI, API]) {
      const result = await run([...command, "--url", server.url]);
      assertEquals(result.code, 6, result.stderr);
      assertTame(result);
    }
  });
});

/** It ended by its time limit, and without taking the memory of the machine. */
function assertBounded(
  { seconds, peak }: Measured,
  timeout: number,
  answers = 1,
): void {
  assert(seconds < timeout + SLACK, `it took ${seconds} s`);
  assert(
    peak - usualPeak < answers * GROWTH,
    `${peak} MiB, usually ${usualPeak} MiB`,
  );
}

/** The memory that whoami takes when all is well. */
let usualPeak = 0;

describe("a hostile server that sends more than fits", () => {
  const gzip = { "content-encoding": "gzip" };
  let bomb: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    bomb = await gzipBomb(1);
    await using server = new HostileServer(meAnswer());
    const { peak, code } = await runMeasured([...WHOAMI, "--url", server.url]);
    assertEquals(code, 0);
    assert(peak > 1, "a peak was seen");
    usualPeak = peak;
  });

  const commands: [name: string, args: string[], requests: number][] = [
    ["whoami", WHOAMI, 1],
    // It then asks which service this is, without the token.
    ["login", ["login", "--token", TOKEN], 2],
  ];
  for (const [name, args, requests] of commands) {
    for (const status of [200, 401, 503]) {
      it(`as a gzip bomb of 1 GiB with status ${status} does not fill the memory of ${name}`, async () => {
        await using server = new HostileServer(async (_, peer) => {
          const length = { "content-length": `${bomb.length}` };
          await peer.send(head(status, { ...gzip, ...length }));
          await peer.send(bomb);
        });
        const result = await runMeasured([...args, "--url", server.url]);
        report(`gzip bomb, ${name}: ${shownMemory(result)}`);
        assertFailure(result, {
          exit: 6,
          code: "service_response",
          message: /more than 10 MiB$/,
        });
        assertBounded(result, 0, requests);
        assertEquals(server.heard.length, requests);
        assertEquals(count(server.received, TOKEN), 1);
      });
    }
  }

  it("as a gzip bomb goes through api whole, without filling its memory", async () => {
    const packed = await gzipBomb(0.25);
    await using server = new HostileServer(async (_, peer) => {
      const length = { "content-length": `${packed.length}` };
      await peer.send(head(200, { ...gzip, ...length }));
      await peer.send(packed);
    });
    const result = await runMeasured([...API, "--url", server.url]);
    report(`gzip bomb, api: ${shownMemory(result)}`);
    assertEquals([result.code, result.bytes], [0, 1 << 28], result.stderr);
    assertBounded(result, 20);
  });

  it("as a Brotli bomb does not fill the memory", async () => {
    const packed = await brotliBomb(256);
    await using server = new HostileServer(async (_, peer) => {
      await peer.send(head(200, {
        "content-encoding": "br",
        "content-length": `${packed.length}`,
      }));
      await peer.send(packed);
    });
    const result = await runMeasured([...WHOAMI, "--url", server.url]);
    report(`brotli bomb, whoami: ${shownMemory(result)}`);
    assertEquals(result.code, 6);
    assertBounded(result, 0);
  });

  it("as a body that is no gzip says so, and is not asked again", async () => {
    for (
      const body of [
        "{}",
        "no gzip at all, that is for certain",
        "\x1f\x8b\x08\0\0\0\0\0\0\x03" + "\xff".repeat(9),
        "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0wrong sum",
      ]
    ) {
      await using server = new HostileServer(answer(200, gzip, body));
      const result = await run([...WHOAMI, "--url", server.url]);
      assertEquals(result.code, 6, result.stderr);
      assertTame(result);
      assertEquals(server.heard.length, 1);
    }
  });

  it("without an end is cut off, and its connection is closed", async () => {
    const left = Promise.withResolvers<number>();
    await using server = new HostileServer(async (_, peer) => {
      await peer.send(head(200, { "transfer-encoding": "chunked" }));
      let sent = 0;
      while (await peer.send(CHUNK)) sent++;
      left.resolve(sent);
    });
    const result = await runMeasured([...WHOAMI, "--url", server.url]);
    assertFailure(result, {
      exit: 6,
      code: "service_response",
      message: /more than 10 MiB$/,
    });
    assertBounded(result, 0);
    // Ten are read; what is under way is in the buffers of two sockets.
    assert(await left.promise < 40, `${await left.promise} MiB were taken`);
  });

  it("in a failure that is tried again lets go of each one", async () => {
    await using server = new HostileServer(async (_, peer) => {
      const headers = { "transfer-encoding": "chunked", "retry-after": "0" };
      await peer.send(head(503, headers));
      for (let i = 0; i < 50 && await peer.send(CHUNK); i++);
      await peer.send("0\r\n\r\n");
    });
    // The last one is for the caller to see.
    const result = await runMeasured([...API, "--url", server.url]);
    assertEquals([result.code, server.heard.length], [6, 3]);
    assertEquals(result.bytes, 50 << 20);
    assertBounded(result, 10);
  });
});

function shownMemory({ peak, seconds }: Measured): string {
  return `${peak.toFixed(0)} MiB at most, usually ${usualPeak.toFixed(0)}; ` +
    `${seconds.toFixed(2)} s`;
}
