/** What a release is built for, and on which runtime. */

import { compileArgs, type CompileOptions } from "../compile.ts";
import { RUNTIME_SHA256 } from "../npm_route.ts";
import { reason, run, runDeno, SetupError, sha256 } from "../process.ts";
import { provideRuntime, whyNotDenosOwn } from "../runtime.ts";

/** A platform that a release has an archive for. */
export interface Target {
  /** Its name in archive names and install.sh. */
  name: string;
  /** Deno's name for it. */
  triple: string;
}

/** All targets. */
export const TARGETS: readonly Target[] = [
  { name: "linux-x64", triple: "x86_64-unknown-linux-gnu" },
  { name: "linux-arm64", triple: "aarch64-unknown-linux-gnu" },
  { name: "macos-x64", triple: "x86_64-apple-darwin" },
  { name: "macos-arm64", triple: "aarch64-apple-darwin" },
  { name: "windows-x64", triple: "x86_64-pc-windows-msvc" },
];

/** What a plan is made of. */
export interface PlanOptions {
  /** Whether any runtime will do. */
  trial: boolean;
  /** The targets that have to be built; undefined for those that can be. */
  targets: readonly Target[] | undefined;
}

/** A target that can be built here, and its runtime. */
export interface Plan {
  targets: readonly Target[];
  /** For DENORT_BIN; if undefined, Deno uses its own. */
  path?: string;
  /** The runtime's Deno version. */
  runtime: string;
  leftOut: { target: Target; why: string }[];
}

/**
 * The targets that can be built here, with a folder for what is tried on the way.
 *
 * Throws a SetupError if a target that was named can't be built, and if a release
 * would be built on another runtime than Deno's own.
 */
export async function makePlan(
  root: string,
  work: string,
  options: PlanOptions,
): Promise<Plan> {
  const plan = await planFor(root, work, options);
  const missing = options.targets && plan.leftOut[0];
  if (missing) {
    throw new SetupError(
      `${missing.target.name} cannot be built here: ${missing.why}`,
    );
  }
  if (plan.path === undefined || options.trial) return plan;
  const isNpms = await sha256(await Deno.readFile(plan.path)) ===
    RUNTIME_SHA256;
  if (isNpms || plan.runtime !== Deno.version.deno) {
    throw new SetupError(
      `a release is built on the runtime of Deno ${Deno.version.deno} itself, and this one is of ` +
        `${plan.runtime}${isNpms ? ", by npm" : ""}. ${TRIAL_HINT}`,
    );
  }
  return plan;
}

const TRIAL_HINT = "--trial makes a build to try things out with";

async function planFor(
  root: string,
  work: string,
  options: PlanOptions,
): Promise<Plan> {
  const wanted = options.targets ?? TARGETS;
  const here = (target: Target): boolean => target.triple === Deno.build.target;
  const named = Deno.env.get("DENORT_BIN");
  if (named) {
    const { path = named } = await provideRuntime(root, work);
    return await planOn(path, work, wanted.filter(here), {
      others: wanted.filter((target) => !here(target)),
      why: "DENORT_BIN names a runtime for this machine alone",
    });
  }
  const answers = await Promise.all(wanted.map(async (target) => ({
    target,
    why: await whyNotDenosOwn(await folder(work), target.triple),
  })));
  const leftOut = answers.flatMap(({ target, why }) =>
    why === undefined
      ? []
      : [{ target, why: `Deno's own runtime cannot be had (${why})` }]
  );
  const targets = answers.filter(({ why }) => why === undefined)
    .map(({ target }) => target);
  if (targets.length > 0) {
    return { targets, runtime: Deno.version.deno, leftOut };
  }
  const [first] = leftOut;
  if (!options.trial) {
    throw new SetupError(
      `${first?.why}, and a release is not built on another. ${TRIAL_HINT}`,
    );
  }
  const { path = "" } = await provideRuntime(root, work);
  const rest = leftOut.filter(({ target }) => !here(target));
  const plan = await planOn(path, work, wanted.filter(here));
  return { ...plan, leftOut: rest };
}

/** A plan for this machine, with the version that the runtime reports. */
async function planOn(
  path: string,
  work: string,
  targets: readonly Target[],
  not: { others: Target[]; why: string } = { others: [], why: "" },
): Promise<Plan> {
  const probe = await folder(work);
  await Deno.writeTextFile(
    `${probe}/version.ts`,
    "Deno.stdout.writeSync(new TextEncoder().encode(Deno.version.deno));\n",
  );
  await compile(probe, "version.ts", "version", Deno.build.target, path);
  const { stdout } = await run(`${probe}/version`, []);
  const leftOut = not.others.map((target) => ({ target, why: not.why }));
  return { targets, path, runtime: stdout, leftOut };
}

/**
 * Compiles an entry of the folder `work` for a target; without `runtime` on Deno's own.
 *
 * Throws a SetupError if the compiler fails.
 */
export async function compile(
  work: string,
  entry: string,
  output: string,
  triple: string,
  runtime: string | undefined,
  options: CompileOptions = {},
): Promise<void> {
  const [command = "", ...rest] = compileArgs(entry, output, options);
  const args = [command, "--target", triple, ...rest];
  const { success, stderr } = await runDeno(args, {
    cwd: work,
    env: runtime === undefined ? {} : { DENORT_BIN: runtime },
  });
  if (!success) throw new SetupError(`deno compile: ${reason(stderr)}`);
}

/** A new folder in the folder of this build. */
export function folder(work: string): Promise<string> {
  return Deno.makeTempDir({ dir: work });
}

/** The target of this name. Throws a TypeError if there is none. */
export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found) return found;
  const names = TARGETS.map((target) => target.name).join(", ");
  throw new TypeError(`there is no target ${name}; there are ${names}`);
}

/**
 * The date of a release, in seconds since 1970: SOURCE_DATE_EPOCH, else the commit's.
 *
 * Throws a SetupError if neither is known.
 */
export async function dateOf(root: string): Promise<number> {
  const named = Deno.env.get("SOURCE_DATE_EPOCH");
  if (named) {
    if (/^\d{1,11}$/.test(named)) return Number(named);
    throw new SetupError("SOURCE_DATE_EPOCH is no number of seconds");
  }
  const git = await run("git", ["log", "-1", "--format=%ct"], { cwd: root });
  if (git.success) return Number(git.stdout);
  throw new SetupError(
    `the date of the release is not known (git: ${
      reason(git.stderr)
    }); say it in SOURCE_DATE_EPOCH, in seconds since 1970`,
  );
}
