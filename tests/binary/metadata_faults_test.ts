import { assert, assertEquals, assertLess } from "@std/assert";
import { afterAll, afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import { CoderService } from "../support/coder_service.ts";
import {
  type Cloud,
  CLOUDS,
  METADATA_VARIABLES,
  type MetadataOptions,
  type MetadataStandIn,
  noMetadata,
  startMetadata,
} from "../support/metadata_services.ts";
import {
  assertFailure,
  assertJsonFailure,
  type Failure,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";

/** The most that any of them may take, in milliseconds: 2 seconds, and what a start takes. */
const LIMIT = 3000;

const NAMES: Record<Cloud, string> = {
  aws: "AWS",
  azure: "Azure",
  google: "Google",
};
/** The clouds as the hint names them. */
const PLACES: Record<Cloud, string> = {
  aws: "AWS",
  azure: "Azure",
  google: "Google Cloud",
};

interface Fault {
  name: string;
  options: MetadataOptions;
  exit: 5 | 6;
  code: string;
  /** What follows on the name of the metadata service. */
  says: string;
  only?: Cloud;
}

const FAULTS: Fault[] = [
  {
    name: "stalls",
    options: { misbehaves: "stall" },
    exit: 5,
    code: "network_timeout",
    says: "can't be used: .* did not answer within 2 s",
  },
  {
    name: "stalls in the middle of its answer",
    options: { misbehaves: "stall-body" },
    exit: 5,
    code: "network_timeout",
    says: "can't be used: .* did not answer within 2 s",
  },
  {
    name: "redirects to itself",
    options: { misbehaves: "redirect" },
    exit: 6,
    code: "service_response|redirect_refused",
    says: "(at |can't be used: ).*(302|redirect)",
  },
  {
    name: "answers with a web page",
    options: { misbehaves: "html" },
    exit: 6,
    code: "service_response",
    says: "at .* answered with a web page",
  },
  {
    name: "answers with nothing",
    options: { misbehaves: "empty" },
    exit: 6,
    code: "service_response",
    says: "at .* answered with nothing",
  },
  {
    name: "answers with a document of 1 MiB",
    options: { misbehaves: "large" },
    exit: 6,
    code: "service_response",
    says: "can't be used: .* (larger|longer|more) than",
  },
  {
    name: "answers with nonsense",
    options: { misbehaves: "nonsense" },
    exit: 6,
    code: "service_response",
    says: "at .* answered with something that is no ",
  },
  {
    name: "refuses (401)",
    options: { misbehaves: 401 },
    exit: 6,
    code: "service_response",
    says: "at .* answered /\\S+ with status 401",
  },
  {
    name: "has no such path (404)",
    options: { misbehaves: 404 },
    exit: 6,
    code: "service_response",
    says: "at .* answered /\\S+ with status 404",
  },
  {
    name: "is not available (503)",
    options: { misbehaves: 503 },
    exit: 6,
    code: "service_response",
    says: "at .* answered /\\S+ with status 503",
  },
  {
    name: "refuses the metadata token (401)",
    options: { misbehaves: 401, only: "/instance-identity/" },
    exit: 6,
    code: "service_response",
    says:
      "at .* answered /latest/dynamic/instance-identity/\\w+ with status 401",
    only: "aws",
  },
  {
    name: "stalls once it has given a metadata token",
    options: { misbehaves: "stall", only: "/document" },
    exit: 5,
    code: "network_timeout",
    says: "can't be used: .* did not answer within 2 s",
    only: "aws",
  },
];

describe("a metadata service", () => {
  let coder: CoderService;
  const metadata = new Map<Cloud, MetadataStandIn>();

  beforeAll(() => {
    coder = new CoderService();
    coder.addAgent(...CLOUDS);
    for (const cloud of CLOUDS) metadata.set(cloud, startMetadata(cloud));
  });
  afterAll(async () => {
    for (const standIn of metadata.values()) {
      await standIn[Symbol.asyncDispose]();
    }
    metadata.clear();
    await coder[Symbol.asyncDispose]();
  });
  afterEach(() => {
    for (const standIn of metadata.values()) {
      standIn.options = {};
      standIn.asked.length = 0;
    }
    const { paths } = coder;
    coder.forget();
    // No proof, no exchange, and nothing else either.
    assertEquals(paths, []);
  });

  /** Runs a command that needs the identity; gives the result and its milliseconds. */
  async function ask(
    cloud: Cloud,
    env: Record<string, string>,
    ...args: string[]
  ): Promise<[Result, number]> {
    using home = new Home();
    const started = performance.now();
    const result = await run(
      ["external-auth", ...args, "access-token", "github"],
      {
        home,
        env: {
          ...noMetadata(),
          CODER_AGENT_URL: coder.url,
          CODER_AGENT_AUTH: `${cloud}-instance-identity`,
          ...env,
        },
      },
    );
    assertEquals(home.entries(), []);
    return [result, performance.now() - started];
  }

  async function assertSaid(
    cloud: Cloud,
    env: Record<string, string>,
    { exit, code, says }: Pick<Fault, "exit" | "code" | "says">,
  ): Promise<void> {
    const [[text, textTime], [json, jsonTime]] = await Promise.all([
      ask(cloud, env),
      ask(cloud, env, "--json"),
    ]);
    const { error } = JSON.parse(json.stderr);
    assert(new RegExp(`^(${code})$`).test(error.code), json.stderr);
    const failure: Failure = {
      exit,
      code: error.code,
      message: new RegExp(`^the ${NAMES[cloud]} metadata service ${says}`),
      hint: new RegExp(
        `^this works on ${PLACES[cloud]} instances only; ${
          METADATA_VARIABLES[cloud]
        } names another place for the metadata service$`,
      ),
    };
    assertFailure(text, failure);
    assertJsonFailure(json, failure);
    assertLess(textTime, LIMIT);
    assertLess(jsonTime, LIMIT);
  }

  for (const cloud of CLOUDS) {
    describe(`of ${NAMES[cloud]}`, () => {
      for (const fault of FAULTS.filter(({ only = cloud }) => only === cloud)) {
        it(`that ${fault.name} is exit ${fault.exit}`, async () => {
          const standIn = metadata.get(cloud);
          assert(standIn);
          standIn.options = fault.options;
          await assertSaid(cloud, standIn.env, fault);
          assert(standIn.asked.length > 0);
          // Asked once each, and not tried again.
          const most = cloud === "aws" ? 3 : 1;
          assert(standIn.asked.length <= 2 * most, standIn.paths.join());
        });
      }

      it("is not followed to another server", async () => {
        await using other = startMetadata(cloud);
        const standIn = metadata.get(cloud);
        assert(standIn);
        standIn.options = {
          misbehaves: "redirect",
          redirectTo: `${other.url}/`,
        };
        const [{ code }] = await ask(cloud, standIn.env);
        assertEquals([code, other.asked], [6, []]);
      });

      it("that is not there is exit 5", async () => {
        await assertSaid(cloud, {}, {
          exit: 5,
          code: "network_refused",
          says: "can't be used: .*refused",
        });
      });

      it("is not asked through a proxy", async () => {
        await using proxy = startMetadata(cloud);
        const { url } = proxy;
        const proxies = { HTTP_PROXY: url, http_proxy: url, ALL_PROXY: url };
        // Loopback never goes through a proxy; this name is nobody's (RFC 6761).
        const elsewhere = {
          [METADATA_VARIABLES[cloud]]: "http://metadata.invalid",
        };
        const [{ code }] = await ask(cloud, { ...elsewhere, ...proxies });
        assertEquals([code, proxy.asked], [5, []]);
      });
    });
  }
});
