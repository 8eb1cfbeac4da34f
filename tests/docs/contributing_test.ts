import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { REGISTRY } from "../support/runtime.ts";
import { deadUrl, me, StrangeServer } from "../support/servers.ts";

const ROOT = fromFileUrl(import.meta.resolve("../../"));
const TEXT = Deno.readTextFileSync(join(ROOT, "CONTRIBUTING.md"));

/** Whatever is fetched must be there already. */
const OFFLINE = { HTTPS_PROXY: deadUrl() };
interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The changes that the document shows, by the heading that each stands under. */
function changes(): Map<string, string> {
  return new Map(
    TEXT.split(/^## /m).slice(1).flatMap((section) => {
      const [, diff] = section.match(/```diff\n([^]*?)```/) ?? [];
      return diff ? [[section.split("\n")[0] ?? "", diff]] : [];
    }),
  );
}

/** A copy of what is compiled and of the tests, in a folder outside of any repository. */
async function copyProject(): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "nanoctl_contributing_" });
  for (
    const path of ["deno.json", "main.ts", ...below("src"), ...below("tests")]
  ) {
    await Deno.mkdir(join(root, dirname(path)), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(root, path));
  }
  for (const folder of ["vendor", "node_modules"]) {
    await Deno.symlink(join(ROOT, folder), join(root, folder), { type: "dir" });
  }
  return root;
}

function below(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? below(path) : [path];
  });
}

describe("CONTRIBUTING.md", () => {
  let root: string;
  beforeAll(async () => {
    root = await copyProject();
  });
  afterAll(() => Deno.remove(root, { recursive: true }));

  async function run(
    program: string,
    args: string[],
    env: Record<string, string> = {},
    stdin = "",
  ): Promise<Ended> {
    const child = new Deno.Command(program, {
      args,
      cwd: root,
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: root,
        NO_COLOR: "1",
        ...REGISTRY,
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  function nanoctl(
    args: string[],
    env: Record<string, string> = {},
  ): Promise<Ended> {
    const deno = ["run", "--quiet", "--cached-only", "-A", "--no-check"];
    return run(Deno.execPath(), [...deno, "main.ts", ...args], env);
  }

  it("shows how to add a command, a token provider and a service", () => {
    assertEquals([...changes().keys()], [
      "A new command",
      "A new token provider",
      "A new service",
    ]);
  });

  for (const [heading, diff] of changes()) {
    it(`shows a change that applies and is short: ${heading}`, async () => {
      const { code, stderr } = await run("git", ["apply", "-"], {}, diff);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      assert(diff.split("\n").length <= 55, "choose a smaller example");
    });
  }

  it("shows changes that are formatted, without lint, and of the right types", async () => {
    for (
      const args of [
        ["fmt", "--check", "src"],
        ["lint", "--quiet", "src"],
        ["check", "--quiet", "main.ts", "src"],
      ]
    ) {
      const { code, stderr } = await run(Deno.execPath(), args, OFFLINE);
      assertEquals(code, 0, stderr);
    }
  });

  it("shows changes that keep the rules of the house", async () => {
    const { code, stdout, stderr } = await run(Deno.execPath(), [
      ...["test", "-A", "--no-check", "--cached-only", "--filter", "the house"],
      "tests/architecture_test.ts",
    ]);
    assertEquals(code, 0, stdout + stderr);
    assertStringIncludes(stdout, "keeps the rule");
  });

  it("shows a command that works", async () => {
    const NANOSERVICES_URL = "https://nano.example.com/";
    const { stdout } = await nanoctl(["url"], { NANOSERVICES_URL });
    assertEquals(stdout, "https://nano.example.com\n");
    const json = await nanoctl(["url", "--json"], { NANOSERVICES_URL });
    assertEquals(JSON.parse(json.stdout), { url: "https://nano.example.com" });
    assertStringIncludes((await nanoctl(["--help"])).stdout, "Print the URL");
  });

  it("shows a token provider that works, and gets another token after a 401", async () => {
    const credential = join(root, "nano-token");
    await Deno.writeTextFile(credential, "token-1");
    await using server = new StrangeServer(({ headers }) => {
      if (headers.get("authorization") === "Bearer token-2") return me();
      Deno.writeTextFileSync(credential, "token-2");
      return Response.json({ code: "token_expired" }, { status: 401 });
    });
    const variables = { NANOSERVICES_TOKEN_CREDENTIAL: "nano-token" };
    const ended = await nanoctl(["whoami", "--json"], {
      NANOSERVICES_URL: server.url,
      CREDENTIALS_DIRECTORY: root,
      ...variables,
    });
    assertEquals(ended.code, 0, ended.stderr);
    const { account, origin } = JSON.parse(ended.stdout);
    assertEquals(account.username, "mallory");
    assertEquals(origin, "environment-credential");
    assertEquals(
      server.caught.map(({ headers }) => headers.get("authorization")),
      ["Bearer token-1", "Bearer token-2"],
    );
    const failed = await nanoctl(["whoami"], variables);
    assertEquals(failed.code, 3, failed.stderr);
  });

  it("shows a service that works, and says what it can't do", async () => {
    await using server = new StrangeServer(({ url, headers }) =>
      url.pathname === "/api/v1/user" &&
        headers.get("authorization") === "token secret-1"
        ? Response.json({ login: "ada", email: "ada@example.com" })
        : new Response(null, { status: 401 })
    );
    const options = ["--service", "codeberg", "--url", server.url];
    const login = await nanoctl([
      ...["login", "--json", "--token", "secret-1"],
      ...options,
    ]);
    assertEquals(login.code, 0, login.stderr);
    const { account, service } = JSON.parse(login.stdout);
    assertEquals([account.username, service], ["ada", "codeberg"]);
    const refused = await nanoctl([
      "whoami",
      "--token",
      "secret-2",
      ...options,
    ]);
    assertEquals(refused.code, 4);
    assertStringIncludes(refused.stderr, `${server.url}/user/settings`);
    const missing = await nanoctl([
      ...["external-auth", "list", "--token", "secret-1"],
      ...options,
    ]);
    assertEquals(missing.code, 2);
    assertStringIncludes(missing.stderr, "Codeberg has no external providers");
  });
});
