import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { describe, it } from "@std/testing/bdd";
import {
  answer,
  type Answering,
  byteString,
  fromLatin1,
  head,
  HostileServer,
  pause,
  type Peer,
  runMeasured,
} from "../support/hostile_server.ts";
import {
  assertFails,
  assertFailure,
  BINARY,
  Child,
  Home,
  run,
  shellQuote,
  start,
  until,
} from "../support/nanoctl.ts";
import { PATH, report } from "../support/store_files.ts";

const TOKEN = "nano_THEAPITOKEN";
const EVERY_BYTE = byteString(Uint8Array.from({ length: 1024 }, (_, i) => i));

/** The arguments of an `api` that talks to this server. */
function api(server: HostileServer, ...args: string[]): string[] {
  return ["api", ...args, "--token", TOKEN, "--url", server.url];
}

/** Runs the program and gives its stdout as it is, one character a byte. */
async function runRaw(
  args: string[],
  stdin?: Uint8Array,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const process = new Deno.Command(BINARY, {
    args,
    clearEnv: true,
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin) {
    const writer = process.stdin.getWriter();
    await writer.write(stdin);
    await writer.close();
  }
  const { code, stdout, stderr } = await process.output();
  return { code, stdout: byteString(stdout), stderr: byteString(stderr) };
}

describe("api sends", () => {
  const requests: {
    name: string;
    args: string[];
    is: [method: string, target: string, body: string];
    headers?: Record<string, string | undefined>;
  }[] = [
    { name: "a GET", args: ["/v1/me"], is: ["GET", "/v1/me", ""] },
    {
      name: "a path without a slash",
      args: ["v1/me?a=b"],
      is: ["GET", "/v1/me?a=b", ""],
    },
    {
      name: "two slashes as a path of this service",
      args: ["//evil.example/x"],
      is: ["GET", "//evil.example/x", ""],
    },
    {
      name: "an @ as a path of this service",
      args: ["@evil.example/"],
      is: ["GET", "/@evil.example/", ""],
    },
    {
      name: "fields as JSON by POST",
      args: ["/x", "-f", "a=1", "-f", "b=c=d", "--field", "e=ü"],
      is: [
        "POST",
        "/x",
        byteString(new TextEncoder().encode('{"a":"1","b":"c=d","e":"ü"}')),
      ],
      headers: { "content-type": "application/json" },
    },
    {
      name: "an empty field and one that is named like a prototype",
      args: ["/x", "-f", "a=", "-f", "__proto__=b"],
      is: ["POST", "/x", '{"a":"","__proto__":"b"}'],
    },
    {
      name: "fields in the query of a GET",
      args: ["/x", "-X", "get", "-f", "a=1&2", "-f", "a=ü"],
      is: ["GET", "/x?a=1%262&a=%C3%BC", ""],
      headers: { "content-type": undefined },
    },
    {
      name: "fields behind a query that is there already",
      args: ["/x?y=z", "-X", "HEAD", "-f", "a=1"],
      is: ["HEAD", "/x?y=z&a=1", ""],
    },
    {
      name: "a DELETE without a body",
      args: ["/x", "-X", "delete"],
      is: ["DELETE", "/x", ""],
      headers: { "content-type": undefined },
    },
    {
      name: "a method that is not everyday",
      args: ["/x", "-X", "PURGE"],
      is: ["PURGE", "/x", ""],
    },
    {
      name: "PATCH with fields",
      args: ["/x", "--method", "patch", "-f", "a=b"],
      is: ["PATCH", "/x", '{"a":"b"}'],
    },
    {
      name: "headers of one's own, and in the place of ours",
      args: ["/x", "-H", "X-A:b: c", "-H", "accept:  text/plain", "-H", "x_y:"],
      is: ["GET", "/x", ""],
      headers: { "x-a": "b: c", accept: "text/plain", "x_y": "" },
    },
  ];
  for (const { name, args, is, headers = {} } of requests) {
    it(name, async () => {
      await using server = new HostileServer(answer(200, {}, "fine"));
      const { code, stdout, stderr } = await run(api(server, ...args));
      assertEquals([code, stderr], [0, ""]);
      assertEquals(stdout, is[0] === "HEAD" ? "" : "fine");
      const [heard] = server.heard;
      assertEquals([heard?.method, heard?.target, heard?.body], is);
      const lines = heard?.head.split("\r\n") ?? [];
      assert(lines.includes(`authorization: Bearer ${TOKEN}`), heard?.head);
      for (const [header, value] of Object.entries(headers)) {
        const found = lines.filter((line) => line.startsWith(`${header}:`));
        assertEquals(
          found.map((line) => line.slice(header.length + 1).trim()),
          value === undefined ? [] : [value],
        );
      }
    });
  }

  it("a full URL below the service's own, and no other one", async () => {
    await using server = new HostileServer(answer(200, {}, "fine"));
    await using other = new HostileServer(answer(200, {}, "fine"));
    const { port, url } = server;
    const own = [
      url,
      `${url}/`,
      `${url}/x?y#z`,
      `HTTP://127.0.0.1:${port}/x`,
      `http://127.1:${port}/x`,
    ];
    for (const path of own) {
      const { code, stderr } = await run(api(server, path));
      assertEquals(code, 0, `${path}: ${stderr}`);
    }
    assertEquals(
      server.heard.map(({ target }) => target),
      ["/", "/", "/x?y", "/x", "/x"],
    );
    const foreign = [
      `${other.url}/x`,
      `http://localhost:${port}/x`,
      `http://127.0.0.2:${port}/x`,
      `https://127.0.0.1:${port}/x`,
      `http://user:pass@127.0.0.1:${port}/x`,
      `http://127.0.0.1:${port}@127.0.0.1:${other.port}/`,
      `http://127.0.0.1:${port}0/x`,
      `http://127.0.0.1:${port}.example/`,
      "http://[",
      "file:///etc/passwd",
    ];
    for (const path of foreign) {
      await assertFails(api(server, path), {}, {
        exit: 2,
        code: "usage",
        message: /^that is not below http:\/\/127\.0\.0\.1:\d+/,
        hint: /--url/,
        secret: TOKEN,
      });
    }
    assertEquals([server.heard.length, other.connections], [5, 0]);
  });

  it("a full URL below the path of the service, and none beside it", async () => {
    await using server = new HostileServer(answer(200, {}, "fine"));
    const args = (path: string): string[] => [
      ...["api", path, "--token", TOKEN, "--url", `${server.url}/team`],
    ];
    assertEquals((await run(args("/x"))).code, 0);
    assertEquals((await run(args(`${server.url}/team/y`))).code, 0);
    for (const path of ["/x", "/teamwork", "/team/../x"]) {
      assertEquals((await run(args(`${server.url}${path}`))).code, 2, path);
    }
    assertEquals(server.heard.map(({ target }) => target), [
      "/team/x",
      "/team/y",
    ]);
  });

  it("a file, and standard input, byte by byte", async () => {
    using home = new Home();
    const path = home.at("body.bin");
    await Deno.writeFile(path, fromLatin1(EVERY_BYTE));
    await using server = new HostileServer(answer(201, {}, "made"));
    const type = ["-H", "content-type: application/octet-stream"];
    await run(api(server, "/x", "--input", path, ...type));
    await runRaw(
      api(server, "/x", "-X", "PUT", "--input", "-", "-f", "a=b"),
      fromLatin1(EVERY_BYTE),
    );
    await runRaw(api(server, "/x", "--input", "-"), new Uint8Array());
    assertEquals(
      server.heard.map(({ method, target, body }) => [method, target, body]),
      [
        ["POST", "/x", EVERY_BYTE],
        ["PUT", "/x?a=b", EVERY_BYTE],
        ["POST", "/x", ""],
      ],
    );
    assertMatch(
      server.heard[0]?.head ?? "",
      /^content-type: application\/octet-stream$/m,
    );
  });

  it("a POST once only, and a PUT three times, when the service is busy", async () => {
    for (const [method, times] of [["POST", 1], ["PATCH", 1], ["PUT", 3]]) {
      await using server = new HostileServer(
        answer(503, { "retry-after": "0" }, "busy"),
      );
      const result = await run(
        api(server, "/x", "-X", `${method}`, "-f", "a=b"),
      );
      assertEquals([result.code, result.stdout], [6, "busy"]);
      assertEquals(
        server.heard.map(({ body }) => body),
        Array(times).fill('{"a":"b"}'),
      );
    }
  });

  it("the same whether short options are joined, or have their values at them", async () => {
    const forms = [
      ["api", "/x", "-X", "PUT", "-f", "a=b"],
      ["api", "/x", "-XPUT", "-fa=b"],
      ["api", "-qXPUT", "-ifa=b", "/x"],
      ["-qv", "api", "/x", "-X=PUT", "-f=a=b"],
      ["-qtother", "api", "-fa=b", "-XPUT", "--", "/x"],
    ];
    await using server = new HostileServer(answer(200, {}, "fine"));
    for (const args of forms) {
      const env = { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: TOKEN };
      const { code, stderr } = await run(args, { env });
      assertEquals(code, 0, stderr);
    }
    assertEquals(
      server.heard.map(({ method, body }) => [method, body]),
      forms.map(() => ["PUT", '{"a":"b"}']),
    );
  });

  it("a header as often as it is given, and fields before a fragment", async () => {
    await using server = new HostileServer(answer(200, {}, "fine"));
    const twice = ["-H", "x-a: 1", "-H", "X-A: 2", "-H", "accept: text/plain"];
    const fields = ["-X", "GET", "-f", "a=b"];
    const { code, stderr } = await run(
      api(server, "/x#y", ...twice, ...fields),
    );
    assertEquals(code, 0, stderr);
    const [heard] = server.heard;
    assertEquals(heard?.target, "/x?a=b");
    assertMatch(heard?.head ?? "", /^x-a: 1(, |\r\nx-a: )2\r$/im);
    assertMatch(heard?.head ?? "", /^accept: text\/plain\r$/im);
  });

  it("a POST once only when the connection is cut", async () => {
    await using server = new HostileServer("");
    const result = await run(api(server, "/x", "-f", "a=b"));
    assertEquals([result.code, server.heard.length], [5, 1]);
  });

  const refused: { args: string[]; says: RegExp }[] = [
    { args: ["-H", "Authorization: Bearer x"], says: /Authorization is nan/ },
    { args: ["-H", "authorization : x"], says: /authorization is nanoctl's/ },
    { args: ["-H", "Coder-Session-Token: x"], says: /nanoctl's own/ },
    { args: ["-H", "host: evil.example"], says: /host is nanoctl's own/ },
    { args: ["-H", "no header"], says: /not of the form name:value/ },
    { args: ["-H", ": x"], says: /not of the form name:value/ },
    { args: ["-H", "x: a\r\nauthorization: b"], says: /not of the form/ },
    { args: ["-H", "x: a\x01b"], says: /not of the form/ },
    { args: ["-H", "x: €"], says: /not of the form/ },
    { args: ["-f", "nothing"], says: /not of the form name=value/ },
    { args: ["-f", "=nothing"], says: /not of the form name=value/ },
    { args: ["-X", "GET /evil HTTP/1.1"], says: /not an HTTP method/ },
    { args: ["-X", ""], says: /^error: missing value for option "-X"$/m },
    { args: ["-X", "TRACE"], says: /not an HTTP method/ },
    { args: ["-X", "CONNECT"], says: /not an HTTP method/ },
    { args: ["--input", "/nowhere/at/all"], says: /can't be read/ },
    { args: ["-X", "GET", "--input", "-"], says: /GET has no body/ },
  ];
  for (const { args, says } of refused) {
    it(`nothing for ${JSON.stringify(args)}, which is wrong usage`, async () => {
      await using server = new HostileServer(answer(200));
      const { code, stdout, stderr } = await run(api(server, "/x", ...args));
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, says);
      assertEquals(server.connections, 0);
    });
  }

  it("nothing when nobody is logged in", async () => {
    using home = new Home();
    await using server = new HostileServer(answer(200));
    const result = await run(["api", "/x", "--url", server.url], { home });
    assertEquals([result.code, server.connections], [3, 0]);
  });
});

describe("api prints", () => {
  it("every byte as it came, and nothing else", async () => {
    await using server = new HostileServer(
      answer(200, { "content-type": "text/plain" }, EVERY_BYTE),
    );
    const { code, stdout, stderr } = await runRaw(api(server, "/x"));
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, EVERY_BYTE);
  });

  it("200 MB as they came, in little memory", async () => {
    const block = crypto.getRandomValues(new Uint8Array(65_536));
    const blocks = 200_000_000 / 50_000;
    const hash = createHash("sha256");
    for (let i = 0; i < blocks; i++) hash.update(part(i));
    await using server = new HostileServer(async (_, peer) => {
      await peer.send(head(200, { "content-length": "200000000" }));
      for (let i = 0; i < blocks && await peer.send(part(i)); i++);
    });
    const small = await runMeasured(api(server, "/x", "-X", "HEAD"));
    const large = await runMeasured(api(server, "/x"));
    assertEquals([large.code, large.bytes], [0, 200_000_000], large.stderr);
    assertEquals(large.sha256, hash.digest("hex"));
    const growth = large.peak - small.peak;
    report(
      `200 MB: ${large.seconds.toFixed(1)} s, ${growth.toFixed(0)} MiB more`,
    );
    assert(growth < 100, `it grew by ${growth} MiB`);

    /** Each part begins elsewhere in the block: what is mixed up is found out. */
    function part(i: number): Uint8Array<ArrayBuffer> {
      const start = i * 7 % 15_000;
      return block.subarray(start, start + 50_000);
    }
  });

  it("200 MB no faster than they are read", async () => {
    let sent = 0;
    const mebibyte = new Uint8Array(1 << 20);
    await using server = new HostileServer(async (_, peer) => {
      await peer.send(head(200, { "content-length": `${200 << 20}` }));
      while (sent < 200 && await peer.send(mebibyte)) sent++;
    });
    using home = new Home();
    const child = new Child("/bin/sh", [
      "-c",
      `{ "$0" "$@"; echo "ended with $?" >&2; } | ` +
      `{ while [ ! -e go ]; do sleep 0.05; done; wc -c; }`,
      ...[BINARY, ...api(server, "/x", "--timeout", "2")],
    ], { env: { PATH }, cwd: home.path });
    let last = -1;
    // It stands still once all the buffers between us are full.
    await until(async () => {
      const same = sent > 0 && sent === last;
      last = sent;
      await pause(300);
      return same;
    }, "nobody takes any more");
    assert(sent < 60, `${sent} MiB were taken by nobody`);
    // The reader takes its time, and that is not the service's fault.
    await pause(2200);
    Deno.writeTextFileSync(home.at("go"), "");
    const sizes = await child.end();
    assertEquals(sizes.stdout.trim(), `${200 << 20}`);
    assertEquals(sizes.stderr, "ended with 0\n");
  });

  it("the status and the headers first with -i, and nothing of them that a terminal obeys", async () => {
    await using server = new HostileServer(
      answer(200, { "x-a": "b\x9b2J\xe2\x80\xae" }, EVERY_BYTE),
    );
    const { stdout } = await runRaw(api(server, "/x", "-i"));
    const end = stdout.indexOf("\n\n");
    const lines = stdout.slice(0, end).split("\n");
    assertEquals(lines[0], "HTTP 200");
    assert(lines.includes("content-length: 1024"), stdout.slice(0, end));
    assert(
      // deno-lint-ignore no-control-regex
      !/[\u0000-\u0009\u000b-\u001f\u007f]|\xc2[\x80-\x9f]|\xe2\x80\xae/.test(
        stdout.slice(0, end),
      ),
      stdout.slice(0, end),
    );
    assertEquals(stdout.slice(end + 2), EVERY_BYTE);
  });

  it("what comes in slow chunks, however long all of them take", async () => {
    const CHUNKS = 8;
    await using server = new HostileServer(async (_, peer) => {
      await pause(250);
      await peer.send(head(200, { "transfer-encoding": "chunked" }));
      for (let i = 0; i < CHUNKS; i++) {
        await pause(250);
        await peer.send("3\r\nabc\r\n");
      }
      await peer.send("0\r\n\r\n");
    });
    const result = await run(api(server, "/x", "--timeout", "1.2"));
    assertEquals(result, { code: 0, stdout: "abc".repeat(CHUNKS), stderr: "" });
  });

  it("each chunk at once, not only at the end", async () => {
    const seen = Promise.withResolvers<void>();
    await using server = new HostileServer(async (_, peer) => {
      await peer.send(head(200, { "transfer-encoding": "chunked" }));
      await peer.send("6\r\nfirst\n\r\n");
      await seen.promise;
      await peer.send("4\r\nlast\r\n0\r\n\r\n");
    });
    const child = start(api(server, "/x"));
    assertEquals(await child.firstLine, "first");
    seen.resolve();
    assertEquals((await child.end()).stdout, "first\nlast");
  });
});

/** Sends this much and then nothing, until nobody is there any more. */
function stalling(start: string): Answering {
  return async (_, peer): Promise<void> => {
    await peer.send(start);
    await hold(peer);
  };
}

async function hold(peer: Peer): Promise<void> {
  while (await peer.send("")) await pause(5);
}

describe("api ends", () => {
  it("with 5 when the next chunk does not come, and prints what did", async () => {
    const start = head(200, { "content-length": "100" }) + "some";
    await using server = new HostileServer(stalling(start));
    const result = await run(api(server, "/x", "--timeout", "0.5"));
    assertEquals(result.stdout, "some");
    assertFailure({ ...result, stdout: "" }, {
      exit: 5,
      code: "network_timeout",
      message: /did not answer within 0\.5 s$/,
      hint: /--timeout/,
    });
    assertEquals(server.heard.length, 1);
  });

  it("with 5 when the body is cut, and prints no byte twice", async () => {
    await using server = new HostileServer(
      answer(200, { "content-length": "100" }, "some"),
    );
    const result = await run(api(server, "/x"));
    assertEquals([result.code, result.stdout], [5, "some"]);
    assertEquals(server.heard.length, 1);
  });

  it("quietly when its reader has had enough", async () => {
    for (const [size, taken] of [[50 << 20, 5], [10, 5]]) {
      const left = Promise.withResolvers<void>();
      await using server = new HostileServer(async (_, peer) => {
        await peer.send(head(200, { "content-length": `${size}` }));
        const bytes = new Uint8Array(1 << 20).fill(97).subarray(0, size);
        for (let i = 0; i * (1 << 20) < Number(size); i++) {
          if (!await peer.send(bytes)) break;
        }
        left.resolve();
      });
      const command = [BINARY, ...api(server, "/x")].map(shellQuote).join(" ");
      const { code, stdout, stderr } = await new Child("/bin/sh", [
        "-c",
        `${command} | head -c ${taken}`,
      ], { env: { PATH } }).end();
      assertEquals([code, stdout, stderr], [0, "aaaaa", ""]);
      await left.promise;
    }
  });

  it("with 1 when its output can't be written, and says so", async () => {
    await using server = new HostileServer(answer(200, {}, "x".repeat(9999)));
    const command = [BINARY, ...api(server, "/x")].map(shellQuote).join(" ");
    const { code, stderr } = await new Child("/bin/sh", [
      "-c",
      `${command} > /dev/full`,
    ], { env: { PATH } }).end();
    assertEquals(code, 1);
    assertMatch(stderr, /^error: the output can't be written: no space left/);
  });

  const statuses: [status: number, exit: number, says: RegExp][] = [
    [200, 0, /^$/],
    [201, 0, /^$/],
    [204, 0, /^$/],
    [299, 0, /^$/],
    [300, 1, /GET \/x was answered with the status 300/],
    [304, 1, /the status 304/],
    [400, 1, /the status 400/],
    [404, 1, /the status 404/],
    [409, 1, /the status 409/],
    [418, 1, /the status 418/],
    [401, 4, /refused the token from --token: it is not valid/],
    [403, 4, /lacks a scope/],
    [429, 6, /no more requests for now/],
    [500, 6, /failed with status 500/],
    [501, 6, /failed with status 501/],
    [502, 6, /failed with status 502/],
    [503, 6, /failed with status 503/],
    [504, 6, /failed with status 504/],
    [599, 6, /failed with status 599/],
  ];
  it("with what the status means, and prints the body all the same", async () => {
    await Promise.all(statuses.map(async ([status, exit, says]) => {
      const hasBody = status !== 204 && status !== 304;
      await using server = new HostileServer(
        hasBody
          ? answer(status, { "retry-after": "0" }, `{"a":${status}}`)
          : head(status),
      );
      const { code, stdout, stderr } = await run(api(server, "/x"));
      const body = hasBody ? `{"a":${status}}` : "";
      assertEquals([code, stdout], [exit, body], `${status}: ${stderr}`);
      assertMatch(stderr, says);
      const again = [429, 502, 503, 504].includes(status);
      assertEquals(server.heard.length, again ? 3 : 1, `${status}`);
    }));
  });

  it("with what the status means for HEAD too, without a body", async () => {
    for (const [status, exit] of [[200, 0], [404, 1], [401, 4], [500, 6]]) {
      await using server = new HostileServer(
        head(status ?? 0, { "content-length": "12345" }),
      );
      const result = await run(api(server, "/x", "-X", "HEAD"));
      assertEquals([result.code, result.stdout], [exit, ""], `${status}`);
    }
  });

  it("with the reason that the body of a refusal gives", async () => {
    for (
      const [code, says] of [
        ["token_expired", /it has expired/],
        ["token_revoked", /it was revoked/],
      ] as const
    ) {
      await using server = new HostileServer(
        answer(401, {}, JSON.stringify({ code })),
      );
      const json = await run(api(server, "/x", "--json"));
      assertEquals([json.code, json.stdout], [4, `{"code":"${code}"}`]);
      assertEquals(JSON.parse(json.stderr).error.code, code);
      assertMatch(json.stderr, says);
    }
  });

  it("well when the token file was rotated meanwhile", async () => {
    using home = new Home();
    const path = home.at("token");
    Deno.writeTextFileSync(path, "nano_old");
    await using server = new HostileServer(({ head: text, body }) => {
      if (text.includes("Bearer nano_new")) return answer(200, {}, body);
      Deno.writeTextFileSync(path, "nano_new");
      return answer(401, {}, '{"code":"token_expired"}');
    });
    const args = ["api", "/x", "--token-file", path, "--url", server.url];
    const result = await run([...args, "-f", "a=b"]);
    assertEquals(result, { code: 0, stdout: '{"a":"b"}', stderr: "" });
    assertEquals(
      server.heard.map(({ head: text }) => /Bearer (\S+)/.exec(text)?.[1]),
      ["nano_old", "nano_new"],
    );
    // Nothing new: asked once, and no loop.
    Deno.writeTextFileSync(path, "nano_other");
    await using strict = new HostileServer(answer(401));
    const refused = ["api", "/x", "--token-file", path, "--url", strict.url];
    assertEquals((await run(refused)).code, 4);
    assertEquals(strict.heard.length, 1);
  });

  const moments: [name: string, answering: Answering, stdout: string][] = [
    ["before the answer", (_, peer) => hold(peer), ""],
    [
      "in the middle of the head",
      stalling("HTTP/1.1 200 OK\r\nx-a:"),
      "",
    ],
    [
      "in the middle of the body",
      stalling(head(200, { "content-length": "100" }) + "some\n"),
      "some\n",
    ],
    [
      "in a wait before the next try",
      answering(answer(503, { "retry-after": "20" })),
      "",
    ],
  ];
  for (const [name, answeringIt, expected] of moments) {
    it(`with 130 at Ctrl-C ${name}, at once`, async () => {
      await using server = new HostileServer(answeringIt);
      const child = start(api(server, "/x"));
      await until(() => server.heard.length === 1, "it was asked");
      if (expected) await child.firstLine;
      const pressed = performance.now();
      child.kill("SIGINT");
      const result = await child.end();
      const seconds = (performance.now() - pressed) / 1000;
      assertEquals([result.code, result.stdout], [130, expected]);
      assertEquals(result.stderr, "error: interrupted\n");
      assert(seconds < 3, `it took ${seconds} s`);
      assertEquals(server.heard.length, 1);
    });
  }

  it("with 130 at Ctrl-C while nobody reads what it prints", async () => {
    let sent = 0;
    const mebibyte = new Uint8Array(1 << 20);
    await using server = new HostileServer(async (_, peer) => {
      await peer.send(head(200, { "content-length": `${200 << 20}` }));
      while (await peer.send(mebibyte)) sent++;
    });
    const process = new Deno.Command(BINARY, {
      args: api(server, "/x"),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let last = -1;
    await until(async () => {
      const same = sent > 0 && sent === last;
      last = sent;
      await pause(200);
      return same;
    }, "nobody takes any more");
    process.kill("SIGINT");
    const { code } = await process.status;
    await process.stdout.cancel();
    const stderr = await new Response(process.stderr).text();
    assertEquals([code, stderr], [130, "error: interrupted\n"]);
  });
});

function answering(bytes: string): Answering {
  return () => bytes;
}
