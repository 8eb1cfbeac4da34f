import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  CutProxy,
  type Fault,
  FaultProxy,
  someFault,
} from "../support/fault_proxy.ts";
import {
  head,
  HostileServer,
  ME,
  meAnswer,
  pause,
} from "../support/hostile_server.ts";
import { assertFailure, Home, type Result, run } from "../support/nanoctl.ts";
import { Authority } from "../support/certificates.ts";
import { timesSent } from "../support/runtime.ts";
import {
  eachOf,
  itWith,
  Random,
  report,
  seeded,
} from "../support/store_files.ts";

const RUNS = 500;
/** Most of a run is waiting: there may be more of them than cores. */
const AT_ONCE = 20;
const ATTEMPTS = 3;
const TIMEOUT = 2;
/** How long over its time limit a run may take on a busy machine, in seconds. */
const SLACK = 30;

/** The same answer in chunks, so that it is known where it ends. */
const CHUNKED_ME = head(200, { "transfer-encoding": "chunked" }) +
  [...ME.matchAll(/.{1,25}/g)]
    .map(([part]) => `${part.length.toString(16)}\r\n${part}\r\n`).join("") +
  "0\r\n\r\n";

/** How a run must end, and after how many connections. */
interface Fate {
  exit: number;
  attempts: number;
  message?: RegExp;
}

function fateOf(faults: Fault[]): Fate {
  for (let i = 0; i < ATTEMPTS; i++) {
    const attempts = i + 1;
    switch (faults[i]?.kind) {
      case "stall":
        return { exit: 5, attempts, message: /did not answer within 2 s$/ };
      case "refuse":
      case "reset":
      case "truncate":
        continue;
      default:
        return { exit: 0, attempts };
    }
  }
  return {
    exit: 5,
    attempts: ATTEMPTS,
    message: /^the connection to 127\.0\.0\.1:\d+ failed$/,
  };
}

/** A busy machine may run out of time in the second wait: that is said, and no lie. */
function ranOutOfTime({ code, stderr }: Result, seconds: number): boolean {
  return code === 5 && seconds >= TIMEOUT &&
    /did not answer within 2 s$/m.test(stderr);
}

const SENT = await timesSent();
const sentOnce = (): string | undefined =>
  SENT > 1 ? "the runtime repeats requests by itself" : undefined;

describe("whoami through a network that fails at random", () => {
  itWith(
    [sentOnce],
    `ends ${RUNS} times in time, with the token sent once an attempt, and exit 0 or 5`,
    async () => {
      await seeded(async (random) => {
        await using server = new HostileServer(({ target }) =>
          target.startsWith("/chunked") ? CHUNKED_ME : meAnswer()
        );
        const seeds = Array.from(
          { length: RUNS },
          () => random.below(2 ** 32),
        );
        const seen: Record<string, number> = {};
        let slowest = 0;
        await eachOf(seeds, async (seed) => {
          const own = new Random(seed);
          const faults = Array.from({ length: ATTEMPTS }, () => someFault(own));
          const form = own.below(2) === 0 ? "chunked" : "sized";
          const token = `nano_${form}${seed}x`;
          const story = `seed ${seed}, ${form}: ${JSON.stringify(faults)}`;
          await using proxy = await FaultProxy.start(server.port, faults);
          const started = performance.now();
          const result = await run([
            "whoami",
            ...["--url", `http://${proxy.address}/${form}`],
            ...["--token", token, "--timeout", `${TIMEOUT}`],
          ]);
          const seconds = (performance.now() - started) / 1000;
          slowest = Math.max(slowest, seconds);
          assert(seconds < TIMEOUT + SLACK, `${seconds} s: ${story}`);
          const { code, stdout, stderr } = result;
          const fate = ranOutOfTime(result, seconds)
            ? { exit: 5, attempts: proxy.connections, message: /./ }
            : fateOf(faults);
          assertEquals(
            [code, proxy.connections],
            [fate.exit, fate.attempts],
            story,
          );
          if (code === 0) {
            assertEquals([stdout, stderr], ["mallory\n", ""], story);
          } else {
            const message = fate.message ?? /./;
            assertFailure(result, {
              exit: 5,
              code: "network",
              message,
              hint: /./,
              secret: token,
            });
          }
          // The right token, once in each request that anybody read.
          for (const request of proxy.requests.filter((text) => text !== "")) {
            assertEquals(
              request.match(/nano_\w+/g),
              [token],
              `${story}: ${request}`,
            );
          }
          const end = `${code} after ${fate.attempts}`;
          seen[end] = (seen[end] ?? 0) + 1;
        }, AT_ONCE);
        // All ways to end have been there.
        for (
          const end of ["0 after 1", "0 after 2", "0 after 3", "5 after 3"]
        ) {
          assert(
            (seen[end] ?? 0) > 0,
            `none was ${end}: ${Deno.inspect(seen)}`,
          );
        }
        report(`${RUNS} runs: ${Deno.inspect(seen)}, slowest ${slowest} s`);
      });
    },
  );
});

describe("a connection with TLS that is cut", () => {
  const answers = [
    ["before the answer", ""],
    ["within the head", "HTTP/1.1 200 OK\r\nContent-"],
    ["within the body", `${head(200, { "content-length": "1000" })}{`],
    // Only TLS can tell that this is not all: it says goodbye.
    ["where the body could be at its end", head(200) + ME],
  ];
  for (const [where = "", bytes = ""] of answers) {
    for (const how of ["closed", "reset"] as const) {
      it(`${where}, ${how}, is the network's fault, and the request is tried again`, async () => {
        const authority = await Authority.create();
        using home = new Home();
        Deno.writeTextFileSync(home.at("ca.pem"), authority.pem);
        await using server: HostileServer = new HostileServer(
          async (_, peer) => {
            await peer.send(bytes);
            // Until what was sent is through, in all likelihood.
            await pause(50);
            proxy.cut(how);
            while (await peer.send("")) await pause(5);
          },
          { identity: await authority.issue() },
        );
        await using proxy: CutProxy = await CutProxy.start(server.port);
        const result = await run([
          "whoami",
          ...["--token", "nano_cut", "--ca-file", home.at("ca.pem")],
          ...["--url", `https://${proxy.address}`],
        ]);
        assertFailure(result, {
          exit: 5,
          code: "network",
          message: /^the connection to 127\.0\.0\.1:\d+ failed$/,
          hint: /check the network/,
        });
        const sent = how === "reset" ? [ATTEMPTS, ATTEMPTS * SENT] : [ATTEMPTS];
        assert(sent.includes(proxy.connections), `${proxy.connections}`);
      });
    }
  }
});
