/** A throw-away project that has the real set-up scripts and nothing of ours else. */

import { walk } from "../../scripts/process.ts";

const SCRIPTS = new URL("../../scripts/", import.meta.url);

/** How one run of a script ended. */
export interface Ended {
  code: number;
  stderr: string;
}

/** The project, deleted when disposed of. */
export interface Project extends AsyncDisposable {
  root: string;
  /** Runs set-up with only these variables besides what Deno needs. */
  setUp(env: Record<string, string>, args?: string[]): Promise<Ended>;
}

/** Makes a project whose program imports `@probe/lib/greet`. */
export async function makeProject(): Promise<Project> {
  const root = await Deno.makeTempDir({ prefix: "nanoctl_setup_" });
  for (const path of walk(SCRIPTS.pathname.replace(/\/$/, ""))) {
    const target = `${root}/scripts${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.copyFile(new URL(`.${path}`, SCRIPTS), target);
  }
  const imports = { "@probe/lib": "jsr:@probe/lib@^1.0.0" };
  const config = { vendor: true, nodeModulesDir: "manual", lock: false };
  await Deno.writeTextFile(
    `${root}/deno.json`,
    JSON.stringify({ ...config, imports }),
  );
  await Deno.mkdir(`${root}/src`);
  await Deno.writeTextFile(
    `${root}/main.ts`,
    'await import("./src/program.ts");\n',
  );
  await Deno.writeTextFile(
    `${root}/src/program.ts`,
    'import { greet } from "@probe/lib/greet";\nawait greet();\n',
  );
  return {
    root,
    setUp: (env, args = []) => setUp(root, env, args),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

async function setUp(
  root: string,
  env: Record<string, string>,
  args: string[],
): Promise<Ended> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${root}/scripts/setup.ts`, ...args],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: root,
      DENO_DIR: `${root}/deno_dir`,
      ...env,
    },
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** The base URL of a port of loopback on which nothing listens. */
export function closedPort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}
