/** Chooses the denort to which `deno compile` appends the program. */

import { unreachable } from "./dependencies.ts";
import { extractRuntime, RUNTIME_SHA256 } from "./npm_route.ts";
import { npmRegistry } from "./npm_route/tarball.ts";
import { deno, message, say, SetupError, sha256 } from "./process.ts";

/** A runtime, and where it came from. */
export interface Runtime {
  /** For DENORT_BIN; if undefined, Deno uses its own. */
  path?: string;
  /** A description of the runtime for messages. */
  label: string;
}

/** The npm route's runtime is denort 2.6.10, which can't run programs from a Deno newer than this. */
const NEWEST_FOR_NPM_ROUTE = [2, 8] as const;

/** DENORT_BIN if set, else the one that the npm route left here, else Deno's own, else the npm route's. */
export async function provideRuntime(
  root: string,
  work: string,
): Promise<Runtime> {
  const named = Deno.env.get("DENORT_BIN");
  if (named) return await fromVariable(named);
  const path = `${root}/.runtime/denort`;
  if (await isOurs(path)) return fromNpmRoute(path);
  const why = await whyNotDenosOwn(work);
  if (why === undefined) return { label: `denort ${Deno.version.deno}` };
  say(`  Deno's own runtime cannot be had (${why}); taking the npm route`);
  await byNpmRoute(path, work, why);
  return fromNpmRoute(path);
}

async function fromVariable(path: string): Promise<Runtime> {
  const file = await Deno.stat(path).catch(() => undefined);
  if (!file?.isFile) {
    throw new SetupError(`DENORT_BIN names ${path}, which is no file`);
  }
  return { path, label: "the denort that DENORT_BIN names" };
}

function fromNpmRoute(path: string): Runtime {
  return { path, label: "denort 2.6.10 by the npm route, not for releases" };
}

async function isOurs(path: string): Promise<boolean> {
  const bytes = await Deno.readFile(path).catch(() => undefined);
  return bytes !== undefined && await sha256(bytes) === RUNTIME_SHA256;
}

/**
 * Compiles a trivial program, so that Deno downloads its runtime unless it already
 * has it. Returns why that failed, if it did. The default target is this machine.
 */
export async function whyNotDenosOwn(
  work: string,
  target: string = Deno.build.target,
): Promise<string | undefined> {
  await Deno.writeTextFile(`${work}/nothing.ts`, "");
  const args = [
    "compile",
    "--no-config",
    "--no-check",
    "--target",
    target,
    "--output",
    "nothing",
    "nothing.ts",
  ];
  const child = deno(args, { cwd: work }).spawn();
  const stdout = child.stdout.cancel();
  let said = "";
  let blocked: string | undefined;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    const before = downloadIn(said);
    said += text;
    const url = before ? undefined : downloadIn(said);
    if (!url) continue;
    say(
      `Setting up: fetching Deno's runtime for compiled programs on ${target} (once)`,
    );
    const why = await unreachable(url, "HEAD");
    if (why === undefined) continue;
    blocked = `${url.host}: ${why}`;
    // It may have already exited.
    try {
      child.kill();
    } catch { /* ended */ }
  }
  await stdout;
  const { success } = await child.status;
  if (success) return undefined;
  return blocked ?? said.trim().split("\n").at(-1)?.trim() ?? "it said nothing";
}

function downloadIn(said: string): URL | undefined {
  const found = said.match(/^Download (https?:\/\/\S+)\n/m);
  return found?.[1] ? new URL(found[1]) : undefined;
}

async function byNpmRoute(
  path: string,
  work: string,
  why: string,
): Promise<void> {
  const instead = "name a denort in DENORT_BIN";
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new SetupError(
      `no runtime for compiled programs: Deno's own cannot be had (${why}), and npm has one for ` +
        `Linux on x86_64 only, not for ${Deno.build.target}. Allow that host, or ${instead}`,
    );
  }
  if (isTooNew(Deno.version.deno)) {
    throw new SetupError(
      `no runtime for compiled programs: Deno's own cannot be had (${why}), and npm's does not ` +
        `go with Deno ${Deno.version.deno}. Use npx -y deno@2.8.3, allow that host, or ${instead}`,
    );
  }
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  try {
    await extractRuntime(`${work}/denort`, work);
  } catch (error) {
    throw new SetupError(
      `the runtime for compiled programs is out of reach: neither from Deno's host (${why}) nor ` +
        `from npm at ${await npmRegistry()} (${
          message(error)
        }). Allow one of them ` +
        `(HTTPS_PROXY and NPM_CONFIG_REGISTRY are honoured), or ${instead}`,
    );
  }
  await Deno.rename(`${work}/denort`, path);
}

function isTooNew(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [newestMajor, newestMinor] = NEWEST_FOR_NPM_ROUTE;
  return major > newestMajor || (major === newestMajor && minor > newestMinor);
}
