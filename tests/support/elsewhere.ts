import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { fromFileUrl, join } from "@std/path";
import {
  type Elsewhere,
  missingFor,
  type Program,
  programFor,
} from "../../scripts/elsewhere.ts";
import { message } from "../../scripts/process.ts";
import { Authority } from "./certificates.ts";
import { Home, type Result, run } from "./nanoctl.ts";
import { Service } from "./service.ts";

/** A start takes seconds of the processor there, and tests may share it. */
const PATIENCE_SECONDS = 240;

/** A system's program, or why there is none. */
export interface Provided {
  program?: Program;
  missing?: string;
}

/** Provides the program of another system, if what it needs is here and npm has the rest. */
export async function provided(system: Elsewhere): Promise<Provided> {
  const missing = missingFor(system);
  if (missing !== undefined) return { missing };
  const root = fromFileUrl(new URL("../..", import.meta.url)).replace(
    /\/$/,
    "",
  );
  try {
    return { program: await programFor(root, system) };
  } catch (error) {
    return { missing: message(error) };
  }
}

/** The embedded service, run by this machine's program, behind TLS. */
class TlsService {
  readonly #front: Deno.HttpServer<Deno.NetAddr>;
  readonly url: string;
  /** What the last request said of its sender. */
  userAgent = "";

  private constructor(
    readonly service: Service,
    readonly authority: Authority,
    identity: { cert: string; key: string },
  ) {
    this.#front = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...identity },
      ({ method, url, headers, body }) => {
        this.userAgent = headers.get("user-agent") ?? "";
        const { pathname, search } = new URL(url);
        const to = `${service.url}${pathname}${search}`;
        return fetch(to, { method, headers: new Headers(headers), body });
      },
    );
    this.url = `https://127.0.0.1:${this.#front.addr.port}`;
  }

  static async start(): Promise<TlsService> {
    const authority = await Authority.create();
    const identity = await authority.issue();
    return new TlsService(await Service.start(), authority, identity);
  }

  async stop(): Promise<void> {
    await this.#front.shutdown();
    await this.service.stop();
  }
}

/** What differs from system to system. */
export interface Stay {
  provided: Provided;
  /** The system's name in the User-Agent. */
  userAgent: RegExp;
  /** Looks at what a login left behind. */
  checkStored: (home: Home, token: string) => void | Promise<void>;
  /** Looks at what a logout left behind. */
  checkLoggedOut: (home: Home) => void | Promise<void>;
}

/** The tests of one login, from its first command to its last, in a suite of its own. */
export function testLogin(
  { provided, userAgent, checkStored, checkLoggedOut }: Stay,
): void {
  let tls: TlsService;
  let home: Home;

  beforeAll(async () => {
    if (provided.missing) throw new Error(provided.missing);
    tls = await TlsService.start();
    home = new Home();
    Deno.writeTextFileSync(join(home.path, "ca.pem"), tls.authority.pem);
  });
  afterAll(async () => {
    home[Symbol.dispose]();
    await tls.stop();
  });

  const there = (args: string[], stdin?: string): Promise<Result> =>
    run(args, {
      binary: provided.program?.path ?? "",
      home,
      cwd: home.path,
      seconds: PATIENCE_SECONDS,
      env: { NANOSERVICES_URL: tls.url, NANOCTL_CA_FILE: "ca.pem" },
      ...(stdin === undefined ? {} : { stdin }),
    });

  it("logs in over TLS, and stores the token encrypted", async () => {
    const { token } = tls.service;
    const login = ["login", "--token-stdin", "--save"];
    const { code, stdout, stderr } = await there(login, `${token}\n`);
    assertEquals([code, stdout], [0, ""], stderr);
    assertStringIncludes(stderr, "you are ada");
    assertMatch(tls.userAgent, userAgent);
    assertEquals(home.holds(token), false);
    await checkStored(home, token);
  });

  it("says over TLS who that is", async () => {
    const whoami = { code: 0, stdout: "ada\n", stderr: "" };
    assertEquals(await there(["whoami"]), whoami);
  });

  it("prints the token", async () => {
    const token = { code: 0, stdout: `${tls.service.token}\n`, stderr: "" };
    assertEquals(await there(["token"]), token);
  });

  it("says that a token was refused, by its exit code too", async () => {
    const { token } = await tls.service.mint({ state: "revoked" });
    const { code, stdout, stderr } = await there(["whoami", "--token", token]);
    assertEquals([code, stdout], [4, ""], stderr);
    assertMatch(stderr, /^error: .* refused the token from --token/);
  });

  it("logs out", async () => {
    const { code, stdout, stderr } = await there(["logout"]);
    assertEquals([code, stdout], [0, ""], stderr);
    await checkLoggedOut(home);
  });
}
