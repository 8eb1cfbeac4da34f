import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { type DevServer, startDevServer } from "../../src/dev_server/server.ts";
import {
  Child,
  CREDENTIALS,
  Home,
  type Result,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { itNeeding } from "../support/needs.ts";
import { REGISTRY } from "../support/runtime.ts";

const MAIN = fromFileUrl(import.meta.resolve("../support/macos/main.ts"));
/** What the stand-in is made of. */
const UNIX = Deno.build.os === "windows" ? "this is Windows" : undefined;

describe("on a stand-in for macOS", () => {
  let service: DevServer;
  let home: Home;
  let cache: string;
  beforeAll(async () => {
    service = await startDevServer({ hostname: "127.0.0.1", port: 0 });
    home = new Home();
    cache = await Deno.makeTempDir({ prefix: "nanoctl_macos" });
    await succeed(login(), { stdin: service.token });
  });
  afterAll(async () => {
    home[Symbol.dispose]();
    await Deno.remove(cache, { recursive: true });
    await service.shutdown();
  });

  function login(...more: string[]): string[] {
    const { url } = service;
    return ["login", "--url", url, "--token-stdin", "--save", ...more];
  }

  async function succeed(
    args: string[],
    { stdin, env = {}, at = home }: {
      stdin?: string;
      env?: Record<string, string>;
      at?: Home;
    } = {},
  ): Promise<Result> {
    const result = await new Child(
      Deno.execPath(),
      ["run", "-A", "--no-check", MAIN, ...args],
      {
        env: {
          DENO_DIR: cache,
          DENO_NO_UPDATE_CHECK: "1",
          ...REGISTRY,
          ...env,
        },
        home: at,
        ...(stdin === undefined ? {} : { stdin }),
      },
    ).end();
    assertEquals(result.code, 0, result.stderr);
    return result;
  }

  itNeeding(
    UNIX,
    "login keeps the token where any Unix does, on a share too",
    async () => {
      assertEquals(home.entries(), STORED_ENTRIES);
      assertEquals(home.mode(CREDENTIALS), "0600");
      assert(!home.holds(service.token));
      assertEquals((await succeed(["token"])).stdout, `${service.token}\n`);
    },
  );

  itNeeding(
    UNIX,
    "whoami finds it, and doctor the system's own store",
    async () => {
      const { stdout } = await succeed(["whoami"]);
      assertEquals(stdout, `${service.user.username}\n`);
      const { stdout: found } = await succeed(["doctor"]);
      assertMatch(
        found,
        /^ok +authorities .* those of the system's own store$/m,
      );
    },
  );

  itNeeding(UNIX, "git and docker get their logins", async () => {
    const { host } = new URL(service.url);
    const git = await succeed(["credential", "git", "get"], {
      stdin: `protocol=http\nhost=${host}\n\n`,
    });
    assertMatch(git.stdout, new RegExp(`^password=${service.token}$`, "m"));
    const registry = {
      ServerURL: "https://registry.example",
      Username: "ada",
      Secret: "s3cret-of-registry",
    };
    const docker = (action: string, stdin: string): Promise<Result> =>
      succeed(["credential", "docker", action], { stdin });
    await docker("store", JSON.stringify(registry));
    const { stdout } = await docker("get", registry.ServerURL);
    assertEquals(JSON.parse(stdout), registry);
  });

  itNeeding(UNIX, "exec hands the token to a command", async () => {
    const line = [
      "exec",
      "--",
      "/bin/sh",
      "-c",
      'printf %s "$NANOSERVICES_TOKEN"',
    ];
    assertEquals((await succeed(line)).stdout, service.token);
  });

  itNeeding(UNIX, "osxkeychain keeps the key", async () => {
    using other = new Home();
    Deno.writeTextFileSync(
      other.at("docker-credential-osxkeychain"),
      `#!/bin/sh
entry=$HOME/entry
case $1 in
  list) echo '{}' ;;
  store) cat > "$entry" ;;
  get) cat > /dev/null; cat "$entry" ;;
esac
`,
      { mode: 0o755 },
    );
    const env = { PATH: `${other.path}:/usr/bin:/bin` };
    const options = { env, at: other };
    await succeed(login("--key-source", "helper"), {
      ...options,
      stdin: service.token,
    });
    assertMatch(
      Deno.readTextFileSync(other.at(CREDENTIALS)),
      /"helper": "osxkeychain"/,
    );
    assertEquals(
      (await succeed(["token"], options)).stdout,
      `${service.token}\n`,
    );
  });

  itNeeding(UNIX, "logout forgets it", async () => {
    await succeed(["logout"]);
    const { profiles } = JSON.parse(
      Deno.readTextFileSync(home.at(CREDENTIALS)),
    );
    assertEquals(profiles, {});
  });
});
