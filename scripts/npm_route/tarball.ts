import { message, reason, run, SetupError } from "../process.ts";

/** A published package version, pinned by checksum. */
export interface Tarball {
  spec: string;
  /** Subresource integrity of the .tgz, as the registry publishes it. */
  integrity: string;
}

/** npm's name on this system. */
export const NPM: string = Deno.build.os === "windows" ? "npm.cmd" : "npm";

/** Makes npm give up within seconds, not minutes, if its registry does not answer. */
const IMPATIENT = [
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=500",
  "--fetch-retry-maxtimeout=1000",
  "--fetch-timeout=30000",
];

/** Downloads a tarball with npm, checks its integrity and unpacks it into `folder`. */
export async function unpack(
  { spec, integrity }: Tarball,
  folder: string,
): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const bytes = await download(spec, folder);
  const actual = await integrityOf(bytes);
  if (actual !== integrity) {
    throw new SetupError(
      `${spec}: integrity is ${actual}, expected ${integrity}`,
    );
  }
  const file = "package.tgz";
  await Deno.writeFile(`${folder}/${file}`, bytes);
  const tar = await run("tar", ["-xzf", file], { cwd: folder });
  if (!tar.success) {
    throw new SetupError(`${spec} cannot be unpacked: ${reason(tar.stderr)}`);
  }
  return `${folder}/package`;
}

async function download(
  spec: string,
  folder: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const into = await Deno.makeTempDir({ dir: folder });
  // Run inside the empty folder, so that no package.json or .npmrc further up applies.
  const npm = await run(NPM, ["pack", "--ignore-scripts", ...IMPATIENT, spec], {
    cwd: into,
    env: { npm_config_loglevel: "error", npm_config_update_notifier: "false" },
  });
  const [entry] = [...Deno.readDirSync(into)];
  if (!npm.success || !entry) {
    throw new SetupError(`npm pack ${spec}: ${reason(npm.stderr)}`);
  }
  return await Deno.readFile(`${into}/${entry.name}`);
}

async function integrityOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
  return `sha512-${digest.toBase64()}`;
}

/** npm's registry on this machine, for messages. */
export async function npmRegistry(): Promise<string> {
  try {
    const { stdout } = await run(NPM, ["config", "get", "registry"]);
    return new URL(stdout.trim()).origin;
  } catch (error) {
    return `npm (${message(error)})`;
  }
}

/**
 * Variables that give Deno, which reads fewer .npmrc files than npm, the registry
 * that npm would use and the certificate authorities that npm would trust.
 */
export async function sameRegistry(): Promise<Record<string, string>> {
  return {
    ...await npmSetting("registry", "NPM_CONFIG_REGISTRY"),
    ...await npmSetting("cafile", "DENO_CERT"),
  };
}

async function npmSetting(
  key: string,
  variable: string,
): Promise<Record<string, string>> {
  if (Deno.env.has(variable)) return {};
  const found = await run(NPM, ["config", "get", key]).catch(() => undefined);
  const value = found?.success ? found.stdout.trim() : "";
  return value === "" || value === "null" || value === "undefined"
    ? {}
    : { [variable]: value };
}
