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
import {
  message,
  reason,
  remove,
  run,
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
import {
  compile,
  dateOf,
  folder,
  makePlan,
  type Plan,
  type PlanOptions,
  type Target,
  targetNamed,
} from "./release/plan.ts";
import { publisherOf } from "./release/publisher.ts";
import { readme } from "./release/readme.ts";
import { rootArchive } from "./release/root_archive.ts";
import { type Component, makeSbom } from "./release/sbom.ts";
import { xz } from "./release/xz.ts";
import { VERSION } from "../src/version.ts";

type Bytes = Uint8Array<ArrayBuffer>;

interface Options extends PlanOptions {
  twice: boolean;
  out: string;
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

/** The project's own files in an archive, besides docs/. */
const TEXTS = ["LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"];

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
