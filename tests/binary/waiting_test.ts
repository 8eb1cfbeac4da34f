import { assert, assertEquals } from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import { me } from "../support/servers.ts";

const TOKEN = ["--token", "nano_some"];

/** What a server does with its n-th request; it may take its time. */
type Answer = (
  request: Request,
  number: number,
) => Response | Promise<Response>;

function busy(status: number, retryAfter: string): Response {
  return new Response("", { status, headers: { "retry-after": retryAfter } });
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toUTCString();
}

describe("waiting", () => {
  let server: Deno.HttpServer<Deno.NetAddr>;
  let url: string;
  let answer: Answer;
  /** When each request came. */
  let times: number[] = [];
  const over = Promise.withResolvers<void>();

  beforeAll(() => {
    server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => {
        times.push(Date.now());
        return answer(request, times.length);
      },
    );
    url = `http://127.0.0.1:${server.addr.port}`;
  });
  beforeEach(() => {
    times = [];
  });
  afterAll(async () => {
    over.resolve();
    await server.shutdown();
  });

  const after = async (milliseconds: number): Promise<void> =>
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const never = async (): Promise<Response> => {
    await over.promise;
    return new Response();
  };
  const timedOut = (limit: string): {
    exit: number;
    code: string;
    message: RegExp;
    hint: RegExp;
  } => ({
    exit: 5,
    code: "network_timeout",
    message: new RegExp(
      `^127\\.0\\.0\\.1:\\d+ did not answer within ${
        limit.replace(".", "\\.")
      } s$`,
    ),
    hint: /--timeout <seconds>/,
  });

  describe("ends at --timeout", () => {
    it("for all the redirects of a request together", async () => {
      answer = async ({ url }) => {
        await after(200);
        return new Response(null, { status: 302, headers: { location: url } });
      };
      const args = ["whoami", ...TOKEN, "--url", url, "--timeout", "0.5"];
      assertFailure(await run(args), timedOut("0.5"));
      assert(times.length < 5, `${times.length} requests`);
    });

    it("for all the tries of a request together", async () => {
      answer = async () => {
        await after(250);
        return busy(503, "0");
      };
      const args = ["whoami", ...TOKEN, "--url", url, "--timeout", "0.6"];
      assertFailure(await run(args), timedOut("0.6"));
    });

    it("for a body that does not end", async () => {
      answer = () => new Response(unending('{"username":'));
      const args = ["whoami", ...TOKEN, "--url", url, "--timeout", "0.3"];
      await assertFails(args, {}, timedOut("0.3"));
    });

    it("for a body that comes byte by byte", async () => {
      answer = () => new Response(trickling());
      const args = ["whoami", ...TOKEN, "--url", url, "--timeout", "0.3"];
      await assertFails(args, {}, timedOut("0.3"));
    });
  });

  describe("is done as Retry-After says:", () => {
    for (const status of [429, 502, 503, 504]) {
      it(`for ${status}, in seconds`, async () => {
        answer = (_, number) => number === 1 ? busy(status, "1") : me();
        const { stdout } = await run(["whoami", ...TOKEN, "--url", url]);
        assertEquals([stdout, times.length], ["mallory\n", 2]);
        const [first = 0, second = 0] = times;
        assert(second - first >= 950, `after ${second - first} ms`);
      });
    }

    it("as an HTTP date", async () => {
      let date = "";
      answer = (_, number) => {
        if (number > 1) return me();
        date = inSeconds(1.5);
        return busy(503, date);
      };
      const { stdout } = await run(["whoami", ...TOKEN, "--url", url]);
      assertEquals([stdout, times.length], ["mallory\n", 2]);
      assert((times[1] ?? 0) >= Date.parse(date) - 50, date);
    });

    it("as a date that is past, at once", async () => {
      answer = (_, number) => number < 3 ? busy(503, inSeconds(-9)) : me();
      const { stdout } = await run(["whoami", ...TOKEN, "--url", url]);
      assertEquals([stdout, times.length], ["mallory\n", 3]);
    });

    const beyond: [name: string, retryAfter: () => string, limit: string][] = [
      ["more seconds than all waiting may take", () => "31", "3600"],
      ["a date beyond that", () => inSeconds(3600), "3600"],
      ["more seconds than are left of --timeout", () => "20", "10"],
      ["a date beyond that one", () => inSeconds(25), "10"],
    ];
    for (const [name, retryAfter, limit] of beyond) {
      it(`not for ${name}, but said`, async () => {
        for (const status of [429, 503]) {
          times = [];
          answer = () => busy(status, retryAfter());
          const args = ["whoami", ...TOKEN, "--url", url, "--timeout", limit];
          const hint = await assertFails(args, {}, {
            exit: 6,
            code: status === 429 ? "rate_limited" : "service_error",
            message: new RegExp(`${status}`),
            hint: /in \d+ seconds$/,
          });
          const said = Number(/in (\d+) seconds/.exec(hint)?.[1]);
          const value = retryAfter();
          const asked = Number(value) ||
            (Date.parse(value) - Date.now()) / 1000;
          assert(Math.abs(said - asked) <= 5, hint);
          // Once as text, once as JSON.
          assertEquals(times.length, 2);
        }
      });
    }

    it("not for what may not be repeated", async () => {
      answer = () => busy(503, "0");
      const args = ["api", "-X", "POST", "/", ...TOKEN, "--url", url];
      assertEquals((await run(args)).code, 6);
      assertEquals(times.length, 1);
    });
  });

  describe("ends at Ctrl-C with 130,", () => {
    const cases: [name: string, answer: Answer][] = [
      ["before an answer", never],
      ["between two tries", () => busy(503, "25")],
      ["in the middle of a body", () => new Response(unending("{"))],
    ];
    for (const [name, wait] of cases) {
      it(`${name}, and asks no more`, async () => {
        answer = wait;
        for (const command of [["whoami"], ["login"], ["api", "/"]]) {
          times = [];
          const child = start([...command, ...TOKEN, "--url", url]);
          await until(() => times.length === 1, "the request has come");
          child.kill("SIGINT");
          const { code, stderr } = await child.end();
          assertEquals([code, stderr], [130, "error: interrupted\n"]);
          assertEquals(times.length, 1);
        }
      });
    }
  });

  function unending(start: string): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start: (controller) =>
        controller.enqueue(new TextEncoder().encode(start)),
    });
  }

  function trickling(): ReadableStream<Uint8Array> {
    let timer: ReturnType<typeof setInterval>;
    return new ReadableStream({
      start: (controller) => {
        timer = setInterval(
          () => controller.enqueue(new TextEncoder().encode(" ")),
          20,
        );
      },
      cancel: () => clearInterval(timer),
    });
  }
});
