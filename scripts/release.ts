/**
 * Builds the release artifacts, in dist/release:
 *
 *   deno task release                          for every target that can be built here
 *   deno task release --targets linux-x64,…    for these, or fails
 *   deno task release --twice                  builds twice, and compares every byte
 *   deno task release --trial                  on any runtime, marked as a trial
 *   deno task release --out <folder>           elsewhere
 *
 * The same sources, dependencies and runtime give the same bytes. All dates are
 * SOURCE_DATE_EPOCH or else the commit's.
 */
import { parseArgs } from "node:util";
import { bundle } from "./bundle.ts";
import { compileArgs, type CompileOptions } from "./compile.ts";
import { RUNTIME_SHA256 } from "./npm_route.ts";
import {
  message,
  reason,
  remove,
  run,
  runDeno,
  say,
  SetupError,
  sha256,
  walk,
} from "./process.ts";
import { type ArchivedFile, tar, tarGz, zip } from "./release/archive.ts";
import {
  bundledSources,
  type Contents,
  contentsOf,
  readGraph,
} from "./release/contents.ts";
import { thirdPartyLicences } from "./release/licences.ts";
import { filledIn } from "./release/installers.ts";
import { makeDescriptions, makePackages } from "./release/packages.ts";
import { publisherOf } from "./release/publisher.ts";
import { rootArchive } from "./release/root_archive.ts";
import { type Component, makeSbom } from "./release/sbom.ts";
import { xz } from "./release/xz.ts";
import { provideRuntime, whyNotDenosOwn } from "./runtime.ts";
import { VERSION } from "../src/version.ts";

type Bytes = Uint8Array<ArrayBuffer>;

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

interface Options {
  trial: boolean;
  twice: boolean;
  /** The targets in --targets. */
  targets: readonly Target[] | undefined;
  out: string;
}

/** A target that can be built here, and its runtime. */
interface Plan {
  targets: readonly Target[];
  /** For DENORT_BIN; if undefined, Deno uses its own. */
  path?: string;
  /** The runtime's Deno version. */
  runtime: string;
  leftOut: { target: Target; why: string }[];
}

/** All files of a release by name. */
type Files = Map<string, Bytes>;

async function release(root: string, options: Options): Promise<void> {
  const date = await dateOf(root);
  await Deno.mkdir(`${root}/.runtime`, { recursive: true });
  const work = await Deno.makeTempDir({
    dir: `${root}/.runtime`,
    prefix: "release-",
  });
  try {
    const plan = await makePlan(root, work, options);
    for (const { target, why } of plan.leftOut) {
      say(`Leaving out ${target.name}: ${why}`);
    }
    const files = await build(root, await folder(work), plan, options, date);
    if (options.twice) {
      const again = await build(root, await folder(work), plan, options, date);
      compare(files, again);
      say("Built twice: every byte is the same");
    }
    await hand(files, options.out, work);
  } finally {
    await remove(work);
  }
}

async function dateOf(root: string): Promise<number> {
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

function folder(work: string): Promise<string> {
  return Deno.makeTempDir({ dir: work });
}

async function makePlan(
  root: string,
  work: string,
  options: Options,
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

/** The project's own files in an archive, besides docs/. */
const TEXTS = ["LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"];

async function planFor(
  root: string,
  work: string,
  options: Options,
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

async function build(
  root: string,
  work: string,
  plan: Plan,
  { trial }: Options,
  date: number,
): Promise<Files> {
  const version = trial ? `${VERSION}-trial` : VERSION;
  const publisher = publisherOf(Deno.env.get, version, trial);
  const contents = await bundleOf(root, work, date);
  const texts = await accompanying(root, contents, plan.runtime);
  const archives: Files = new Map();
  const contained = new Map<string, Component[]>();
  const programs: { target: string; bytes: Bytes }[] = [];
  for (const target of plan.targets) {
    say(`Building nanoctl ${version} for ${target.name}`);
    const isWindows = target.name.startsWith("windows");
    const program = isWindows ? "nanoctl.exe" : "nanoctl";
    const bytes = await programFor(work, program, target, plan.path);
    programs.push({ target: target.name, bytes });
    const top = `nanoctl-${version}-${target.name}`;
    const files = [{ path: program, bytes, executable: true }, ...texts]
      .map((file) => ({ ...file, path: `${top}/${file.path}` }));
    const archive = { files, mtime: date };
    if (isWindows) archives.set(`${top}.zip`, await zip(archive));
    else {
      archives.set(`${top}.tar.gz`, await tarGz(archive));
      archives.set(`${top}.tar.xz`, await xz(tar(archive), trial));
    }
    if (!target.name.startsWith("linux")) continue;
    const made = await rootArchive(bytes, texts, date);
    if (typeof made === "string") {
      say(`Leaving out ${top}-root.tar.gz: ${made}`);
      continue;
    }
    archives.set(`${top}-root.tar.gz`, made.archive);
    contained.set(`${top}-root.tar.gz`, made.components);
  }
  const subject = { programs, version, texts, publisher, trial, date };
  const packages = await makePackages(subject);
  const bill = await makeSbom({
    contents,
    version,
    runtime: plan.runtime,
    trial,
    date,
    archives: (await sums(new Map([...archives, ...packages])))
      .map((archive) => ({
        ...archive,
        components: contained.get(archive.name) ?? [],
      })),
  });
  if (!publisher.url) {
    say("Leaving out Homebrew and Scoop: NANOCTL_DOWNLOAD_URL is not set");
  }
  const files: Files = new Map([
    ...archives,
    ...packages,
    ...makeDescriptions(version, publisher, await sums(archives)),
    [
      `nanoctl-${version}.cdx.json`,
      bytes(`${JSON.stringify(bill, null, 2)}\n`),
    ],
  ]);
  for (const name of ["install.ps1", "install.sh"]) {
    const script = await Deno.readTextFile(`${root}/scripts/${name}`);
    files.set(name, bytes(filledIn(script, publisher)));
  }
  const list = (await sums(files)).map(({ name, sha256 }) =>
    `${sha256}  ${name}\n`
  );
  files.set("SHA256SUMS", bytes(list.join("")));
  files.set("README.md", bytes(readme(version, plan.runtime, trial)));
  return files;
}

/** Writes the bundle to the folder with the given date, which `deno compile` embeds in the program. */
async function bundleOf(
  root: string,
  work: string,
  date: number,
): Promise<Contents> {
  const out = `${work}/bundle`;
  await bundle(root, out, { sourceMaps: true });
  const sources: string[] = [];
  for (const path of walk(out)) {
    if (path.endsWith(".map")) {
      const map = JSON.parse(await Deno.readTextFile(out + path));
      sources.push(...bundledSources(map, out));
    }
    await Deno.utime(out + path, date, date);
  }
  return contentsOf(root, await readGraph(root), sources);
}

/** The other files in every archive, including everything that the README links to. */
async function accompanying(
  root: string,
  contents: Contents,
  runtime: string,
): Promise<ArchivedFile[]> {
  const read = async (path: string): Promise<ArchivedFile> => ({
    path,
    bytes: await Deno.readFile(`${root}/${path}`),
    executable: false,
  });
  const licences = thirdPartyLicences(contents.packages, runtime);
  const docs = [...walk(`${root}/docs`)].map((path) => `docs${path}`).sort();
  return [
    ...await Promise.all([...TEXTS, ...docs].map(read)),
    {
      path: "THIRD_PARTY_LICENSES",
      bytes: bytes(licences),
      executable: false,
    },
  ];
}

async function programFor(
  work: string,
  program: string,
  { name, triple }: Target,
  runtime: string | undefined,
): Promise<Bytes> {
  const output = `${name}/${program}`;
  await compile(work, "bundle/main.js", output, triple, runtime, {
    worker: "bundle/worker.js",
  });
  if (triple === Deno.build.target) await tryOut(`${work}/${output}`);
  return await Deno.readFile(`${work}/${output}`);
}

async function compile(
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

async function tryOut(program: string): Promise<void> {
  const { success, stdout, stderr } = await run(program, ["--version"]);
  if (success && stdout.startsWith(`nanoctl ${VERSION} `)) return;
  throw new SetupError(`what was built does not run: ${reason(stderr)}`);
}

async function sums(
  files: Files,
): Promise<{ name: string; sha256: string }[]> {
  const all = [...files].map(async ([name, content]) => ({
    name,
    sha256: await sha256(content),
  }));
  return (await Promise.all(all)).sort((a, b) => a.name < b.name ? -1 : 1);
}

function readme(version: string, runtime: string, trial: boolean): string {
  const warning = trial
    ? `
This is a trial build and not a release: it was made to try things out, and it
may stand on a runtime that no release is built on. Do not hand it out.
`
    : "";
  return `# nanoctl ${version}
${warning}
Built on Deno ${runtime}. Check an archive before you unpack it:

    sha256sum --check --ignore-missing SHA256SUMS

\`nanoctl-${version}.cdx.json\` lists what the program contains (CycloneDX 1.6).
\`install.sh\` downloads, checks and installs; \`sh install.sh --help\` says how.
\`install.ps1\` does so on Windows.
An archive \`-root.tar.gz\` is for container images: unpacked into \`/\`, it makes
the program run where there is nothing else, and docs/containers.md says how.

The same program is in the package for Debian and Ubuntu (\`.deb\`), and in npm's
(\`.tgz\`). \`nanoctl.rb\` is a formula of Homebrew, \`nanoctl.json\` a manifest of
Scoop.
`;
}

function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function compare(first: Files, second: Files): void {
  const differing = [...first].filter(([name, content]) => {
    const other = second.get(name);
    return other?.length !== content.length ||
      content.some((byte, index) => byte !== other[index]);
  });
  if (differing.length === 0 && first.size === second.size) return;
  const names = differing.map(([name]) => name).join(", ");
  throw new SetupError(`built twice, and not the same: ${names}`);
}

/** Replaces the whole folder, so that nothing of an earlier release remains. */
async function hand(files: Files, out: string, work: string): Promise<void> {
  const fresh = await folder(work);
  await Deno.chmod(fresh, 0o755);
  for (const [name, content] of files) {
    await Deno.writeFile(`${fresh}/${name}`, content, {
      mode: name === "install.sh" ? 0o755 : 0o644,
    });
  }
  await Deno.mkdir(`${out}/..`, { recursive: true });
  await remove(out);
  await Deno.rename(fresh, out);
  for (const { name, sha256 } of await sums(files)) {
    const size = ((files.get(name)?.length ?? 0) / 1e6).toFixed(1);
    say(`${sha256.slice(0, 12)}  ${size.padStart(5)} MB  ${name}`);
  }
  say(`All of it is in ${out}`);
}

function read(args: string[], root: string): Options {
  const { values } = parseArgs({
    args,
    options: {
      trial: { type: "boolean", default: false },
      twice: { type: "boolean", default: false },
      targets: { type: "string" },
      out: { type: "string", default: `${root}/dist/release` },
    },
  });
  return { ...values, targets: values.targets?.split(",").map(targetNamed) };
}

function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found) return found;
  const names = TARGETS.map((target) => target.name).join(", ");
  throw new TypeError(`there is no target ${name}; there are ${names}`);
}

if (import.meta.main) {
  const root = Deno.realPathSync(`${import.meta.dirname}/..`);
  try {
    await release(root, read(Deno.args, root));
  } catch (error) {
    const isUsage = error instanceof TypeError;
    if (!isUsage && !(error instanceof SetupError)) throw error;
    say(`error: ${message(error)}`);
    Deno.exit(isUsage ? 2 : 1);
  }
}
