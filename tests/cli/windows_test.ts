import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { type DevServer, startDevServer } from "../../src/dev_server/server.ts";
import type { Result } from "../support/nanoctl.ts";
import { shellQuote } from "../support/nanoctl.ts";
import { itNeeding } from "../support/needs.ts";
import { KEYS, Terminal } from "../support/terminal.ts";
import {
  FILES,
  WindowsMachine,
  type WindowsOptions,
} from "../support/windows_machine.ts";

/** What the stand-in is made of. */
const UNIX = Deno.build.os === "windows" ? "this is Windows itself" : undefined;
const LINUX = Deno.build.os === "linux" ? undefined : "script(1) is Linux's";

describe("on a stand-in for Windows", () => {
  let service: DevServer;
  let machine: WindowsMachine;
  beforeAll(async () => {
    service = await startDevServer({ hostname: "127.0.0.1", port: 0 });
    machine = new WindowsMachine();
    await succeed(["login", "--url", service.url, "--token-stdin", "--save"], {
      // As `echo` of cmd.exe ends a line.
      stdin: `${service.token}\r\n`,
    });
  });
  afterAll(async () => {
    machine[Symbol.dispose]();
    await service.shutdown();
  });

  async function succeed(
    args: string[],
    options: WindowsOptions = {},
    on = machine,
  ): Promise<Result> {
    const result = await on.run(args, options);
    assertEquals(result.code, 0, result.stderr);
    return result;
  }

  async function tokenOn(
    on: WindowsMachine,
    options: WindowsOptions = {},
  ): Promise<string> {
    return (await succeed(["token"], options, on)).stdout.trimEnd();
  }

  itNeeding(UNIX, "login keeps the token in the profile", () => {
    assertEquals(machine.names(FILES.config), [
      "credentials.json",
      "credentials.lock",
    ]);
    assertEquals(machine.names(FILES.data), ["key", "key.lock"]);
    assert(!machine.read(FILES.credentials).includes(service.token));
  });

  itNeeding(UNIX, "token and whoami find it", async () => {
    assertEquals(await tokenOn(machine), service.token);
    const { stdout } = await succeed(["whoami"]);
    assertEquals(stdout, `${service.user.username}\n`);
    // The whole program, where the fast path gives up.
    assertEquals(
      JSON.parse((await succeed(["token", "--json"])).stdout).token,
      service.token,
    );
  });

  itNeeding(UNIX, "NANOCTL_CONFIG_DIR can have either slash", async () => {
    using other = new WindowsMachine();
    for (const folder of ["D:\\nano ctl\\", "d:/other"]) {
      const env = { nanoctl_config_dir: folder };
      await succeed(
        ["login", "--url", service.url, "--token-stdin", "--save"],
        { env, stdin: service.token },
        other,
      );
      assertEquals(await tokenOn(other, { env }), service.token);
      assertEquals(other.names(folder), [
        "credentials.json",
        "credentials.lock",
      ]);
      const { stdout } = await succeed(["doctor"], { env }, other);
      assertMatch(stdout, /^warning +permissions .* outside of your profile/m);
    }
  });

  itNeeding(UNIX, "a file that a scanner has open is replaced", async () => {
    using other = new WindowsMachine();
    await succeed(
      ["login", "--url", service.url, "--token-stdin", "--save"],
      { stdin: service.token, renamesRefused: 3 },
      other,
    );
    const used = await other.run(["logout"], { renamesRefused: 1000 });
    assertEquals(used.code, 7, used.stderr);
    assertMatch(used.stderr, /used by another process; nothing was changed/);
    assertEquals(await tokenOn(other), service.token);
    // What it was to be replaced by is gone.
    assertEquals(other.names(FILES.config), [
      "credentials.json",
      "credentials.lock",
    ]);
    await succeed(["logout"], {}, other);
    assertEquals((await other.run(["token"])).code, 3);
  });

  itNeeding(UNIX, "git gets the login of a host", async () => {
    const { host } = new URL(service.url);
    const { stdout } = await succeed(["credential", "git", "get"], {
      stdin: `protocol=http\r\nhost=${host}\r\n\r\n`,
    });
    assertMatch(stdout, new RegExp(`^password=${service.token}$`, "m"));
  });

  itNeeding(UNIX, "docker has a registry's login kept", async () => {
    const ServerURL = "https://registry.example";
    const login = { ServerURL, Username: "ada", Secret: "s3cret-of-registry" };
    const docker = (action: string, stdin: string): Promise<Result> =>
      succeed(["credential", "docker", action], { stdin });
    await docker("store", JSON.stringify(login));
    const { stdout } = await docker("get", `${ServerURL}\r\n`);
    assertEquals(JSON.parse(stdout), login);
    await docker("erase", `${ServerURL}\r\n`);
    assertEquals((await docker("list", "")).stdout, "{}\n");
  });

  itNeeding(UNIX, "exec finds a program by PATHEXT", async () => {
    machine.addProgram(
      "show.cmd",
      `printf '%s|%s|%s|%s' "$1" "$API_TOKEN" "$nanoctl_passphrase" "$Api_Token"`,
    );
    const env = { nanoctl_passphrase: "of the store", Api_Token: "an old one" };
    const line = ["exec", "--env", "API_TOKEN", "--", "show"];
    const { stdout } = await succeed([...line, "a & b"], { env });
    assertEquals(stdout, `a & b|${service.token}||`);
    const refused = await machine.run([...line, '" & calc & "'], { env });
    assertEquals([refused.code, refused.stdout], [126, ""]);
    assertMatch(refused.stderr, /^error: the command show is a batch file/);
  });

  itNeeding(
    UNIX,
    "exec does not run what is in the working folder",
    async () => {
      machine.write("C:\\Users\\ada\\here.cmd", "#!/bin/sh\necho run\n");
      Deno.chmodSync(machine.at("C:\\Users\\ada\\here.cmd"), 0o755);
      const env = { Path: ";.;C:\\tools" };
      const { code, stderr } = await machine.run(["exec", "--", "here"], {
        env,
      });
      assertEquals(code, 127);
      assertMatch(stderr, /only in an empty or relative entry of PATH/);
    },
  );

  itNeeding(UNIX, "a program prints the token", async () => {
    machine.addProgram("give token.exe", `printf '%s\\r\\n' "$1"`);
    const { stdout } = await succeed([
      ...["token", "--token-command"],
      '"C:\\tools\\give token.exe" nano_printed',
    ]);
    assertEquals(stdout, "nano_printed\n");
  });

  itNeeding(UNIX, "wincred keeps the key", async () => {
    using other = new WindowsMachine();
    // It has one entry, and no file but its own.
    other.addProgram(
      "docker-credential-wincred.exe",
      `entry=\${0%/*}/entry
case $1 in
  list) echo '{}' ;;
  store) cat > "$entry" ;;
  get) cat > /dev/null; cat "$entry" ;;
esac`,
    );
    await succeed(
      [
        ...["login", "--url", service.url, "--token-stdin", "--save"],
        ...["--key-source", "helper"],
      ],
      { stdin: service.token },
      other,
    );
    assertMatch(other.read(FILES.credentials), /"helper": "wincred"/);
    assertEquals(await tokenOn(other), service.token);
  });

  itNeeding(UNIX, "a command keeps the key", async () => {
    using other = new WindowsMachine();
    other.addProgram("turn key.bat", "exec /usr/bin/tr A-Za-z N-ZA-Mn-za-m");
    await succeed(
      [
        ...["login", "--url", service.url, "--token-stdin", "--save"],
        ...["--key-source", 'command:"C:\\tools\\turn key.bat"'],
      ],
      { stdin: service.token },
      other,
    );
    assertMatch(
      other.read(`${FILES.data}\\key-commands.json`),
      /"C:\\\\tools\\\\turn key\.bat"/,
    );
    assertEquals(await tokenOn(other), service.token);
  });

  itNeeding(
    UNIX,
    "a proxy's variables can be written in any case",
    async () => {
      const module = (path: string): string =>
        JSON.stringify(import.meta.resolve(path));
      machine.write(
        "C:\\proxies.ts",
        `import ${module("../support/windows/runtime.ts")};
const { bypassProxyForLoopback } = await import(${
          module("../../src/process/variables.ts")
        });
const inherited = bypassProxyForLoopback();
console.log(JSON.stringify([inherited.No_Proxy, Deno.env.get("NO_PROXY")]));
`,
      );
      const env = {
        Https_Proxy: "http://proxy.example",
        No_Proxy: "a.example",
      };
      const { stdout } = await succeed([], { env, main: "C:\\proxies.ts" });
      assertEquals(JSON.parse(stdout), [
        "a.example",
        "a.example,localhost,127.0.0.0/8,::1",
      ]);
    },
  );

  itNeeding(UNIX, "a description can't be called like a device", async () => {
    const description = {
      name: "nul",
      title: "A device",
      url: "https://nul.example",
      api: "{url}",
      present: [{ header: "authorization", value: "Bearer {token}" }],
      token_page: "{url}/tokens",
      account: [{ path: "/me", username: [{ field: "name" }] }],
      revoke: { impossible: "there is no way" },
      message: [{ field: "message" }],
    };
    machine.write("C:\\Users\\ada\\nul-.json", JSON.stringify(description));
    const added = await machine.run(["service", "add", "nul-.json"]);
    assertEquals(added.code, 2);
    assertMatch(added.stderr, /^error: a service can't be called nul here/);
    machine.write(
      "C:\\Users\\ada\\nil.json",
      JSON.stringify({ ...description, name: "nil" }),
    );
    const { stderr } = await succeed(["service", "add", ".\\nil.json"]);
    assertMatch(stderr, /Roaming\\nanoctl\\services\\nil\.json/);
  });

  itNeeding(
    LINUX,
    "a token is asked for at a console without cbreak",
    async () => {
      using other = new WindowsMachine();
      const { command, env } = other.command(["login", "--url", service.url]);
      const terminal = new Terminal([], {
        env,
        shell: command.map(shellQuote).join(" "),
      });
      await terminal.waitFor("Token", "paste it here.");
      await terminal.type(`${service.token}${KEYS.enter}`);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      assert(!screen.includes(service.token));
      assertMatch(screen, /Stored, encrypted, as profile default/);
      assertEquals(await tokenOn(other), service.token);
    },
  );
});
