import { assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { FakeContext } from "../../support/fake_context.ts";
import { MARK, ranSafely } from "../properties.ts";
import { target } from "../target.ts";
import { answerOf, body, headers, type Reply, status } from "./answers.ts";

const CLOUDS = {
  aws: {
    variable: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    good: [`${MARK}token`, `${MARK}sig`, { instanceId: MARK }] as unknown[],
  },
  azure: {
    variable: "AZURE_METADATA_ENDPOINT",
    good: [{ signature: `${MARK}sig`, encoding: "pkcs7" }] as unknown[],
  },
  google: {
    variable: "GCE_METADATA_HOST",
    good: [`${MARK}.e30.e30`] as unknown[],
  },
};

type Input = {
  cloud: keyof typeof CLOUDS;
  service: "nanoservices" | "coder";
  metadata: Reply[];
  /** What the exchange is answered with; a session where it is left out. */
  exchange?: Reply | undefined;
  /** Whether the metadata service answers as it should. */
  well: boolean;
};

const reply: fc.Arbitrary<Reply> = fc.record({ status, headers, body });

const inputs: fc.Arbitrary<Input> = fc.record({
  cloud: fc.constantFrom("aws" as const, "azure" as const, "google" as const),
  service: fc.constantFrom("nanoservices" as const, "coder" as const),
  metadata: fc.array(reply, { minLength: 1, maxLength: 3 }),
  exchange: fc.option(reply, { nil: undefined }),
  well: fc.boolean(),
});

const SESSION = {
  session_token: `${MARK}_session`,
  expires_at: "2027-01-31T12:00:00Z",
};
const HOST = "127.0.0.1:9";

/** What a cloud's metadata service answers, and the exchange with it: nothing of the proof is said, nothing crashes. */
export const metadata = target<Input>({
  name: "metadata",
  inputs,
  open: () =>
    Promise.resolve({
      check: async ({ cloud, service, metadata, exchange, well }) => {
        const { variable, good } = CLOUDS[cloud];
        let turn = 0;
        const context = new FakeContext({
          env: { [variable]: `http://${HOST}` },
          answer: (request) => {
            const { host, pathname } = new URL(request.url);
            if (host !== HOST) {
              if (!pathname.endsWith("-instance-identity")) {
                return new Response("{}");
              }
              return exchange
                ? answerOf(exchange, SESSION)(request)
                : Response.json(SESSION);
            }
            const right = good[turn % good.length];
            const told = metadata[turn++ % metadata.length];
            return well || !told
              ? new Response(
                typeof right === "string" ? right : JSON.stringify(right),
              )
              : answerOf(told, right)(request);
          },
        });
        const { exitCode, stdout, stderr } = await ranSafely([
          "api",
          "/x",
          "--service",
          service,
          "--agent-url",
          "https://api.example",
          "--auth",
          `${cloud}-instance-identity`,
        ], context);
        if (well && !exchange) assertEquals([exitCode, stderr], [0, ""]);
        assertFalse(stdout.includes(MARK), "a proof on stdout");
        for (const { url, headers } of context.requests) {
          const { host } = new URL(url);
          if (host === HOST) {
            assertFalse(
              [...headers].join().includes(`${MARK}_session`),
              "the session's token went to the metadata service",
            );
          } else if (host !== "api.example") {
            assertFalse([...headers].join().includes(MARK), "a token left");
          }
        }
      },
    }),
});
