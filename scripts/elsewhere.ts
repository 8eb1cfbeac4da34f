/**
 * The program of another system, run on this one: Linux on arm64 in QEMU, Windows
 * in Wine. As npm has no denort for them, Deno itself runs the bundle that
 * `deno compile` would embed. For tests only; prints the program's path:
 *
 *   NANOCTL_BINARY=$(deno run -A scripts/elsewhere.ts linux-arm64) deno test -A …
 */

import { bundle } from "./bundle.ts";
import { PERMISSIONS } from "./compile.ts";
import { type Tarball, unpack } from "./npm_route/tarball.ts";
import { isFile, message, remove, say, SetupError, sha256 } from "./process.ts";

/** A system that another one can stand in for. */
export type Elsewhere = "linux-arm64" | "windows-x64";

interface System {
  deno: Tarball & { file: string; sha256: string };
  /** What has to be installed, and Debian's package with it. */
  needs: Readonly<Record<string, string>>;
  /** The path of a file as the system itself sees it. */
  path: (path: string) => string;
  /** The words with which a shell starts Deno, from the folder of the system. */
  start: (folder: string) => string[];
}

/** Where Debian has the C library of arm64. */
const ARM64_ROOT = "/usr/aarch64-linux-gnu";
/** Debian's `wine` is a script that asks for 32-bit Wine too. */
export const WINE = "/usr/lib/wine/wine64";
/** What all programs of a Wine share. */
export const WINE_SERVER = "/usr/lib/wine/wineserver64";

/**
 * npm has Deno 2.7.7 for all of them, the nearest to the two runtimes of dist/nanoctl:
 * 2.6.10 by the npm route, and that of Deno 2.8.3.
 */
const SYSTEMS: Readonly<Record<Elsewhere, System>> = {
  "linux-arm64": {
    deno: {
      spec: "@deno/linux-arm64-glibc@2.7.7",
      integrity:
        "sha512-Qz206Lr/UE9OkKsGHiWdSUdh6GORUqwhIuUH554sTI8fv2+Tlh+I+w/7pZ1i2XSe65nkVJPVxGlJjxWK+OZNJg==",
      file: "deno",
      sha256:
        "603322f9441e2a9bdd8d21652967a80f1fb6634ffda1a7309b14404c965eb0e9",
    },
    needs: {
      "/usr/bin/qemu-aarch64": "qemu-user",
      [`${ARM64_ROOT}/lib/libc.so.6`]: "libc6-arm64-cross",
      [`${ARM64_ROOT}/lib/libgcc_s.so.1`]: "libgcc-s1-arm64-cross",
    },
    path: (path) => path,
    start: () => ["/usr/bin/qemu-aarch64", "-L", ARM64_ROOT],
  },
  "windows-x64": {
    deno: {
      spec: "@deno/win32-x64@2.7.7",
      integrity:
        "sha512-jUl9jtK6LWDF3emMuN2Y4kXYBa5hC1KKIBqLgrcu4lO+WFNNH7TKrZ7xVq0WWmc4EZmaj35tker96t78belJiQ==",
      file: "deno.exe",
      sha256:
        "d07b8f3529cec557430bb4ed85a3998bae9f71d1c92d294f6205e916c09911b0",
    },
    needs: { [WINE]: "wine64" },
    path: (path) => `Z:${path.replaceAll("/", "\\")}`,
    start: (folder) => [
      "/usr/bin/env",
      ...Object.entries(wineVariables(folder)).map((pair) => pair.join("=")),
      WINE,
    ],
  },
};

/** The variables of a Wine that has a folder of its own, no windows and no messages. */
export function wineVariables(folder: string): Record<string, string> {
  return {
    WINEPREFIX: `${folder}/prefix`,
    WINELOADER: WINE,
    WINEDEBUG: "-all",
    // It would add to the menus of whoever runs the tests.
    WINEDLLOVERRIDES: "winemenubuilder.exe=d",
  };
}

/** A program that runs as on another system. */
export interface Program {
  /** An executable file that takes the program's arguments. */
  path: string;
  /** Where Deno is, with all that only this system needs. */
  folder: string;
}

/** What is missing here to run a system's programs; undefined if nothing is. */
export function missingFor(system: Elsewhere): string | undefined {
  const missing = Object.entries(SYSTEMS[system].needs)
    .filter(([path]) => !isFile(path))
    .map(([, packageName]) => packageName);
  return Deno.build.os !== "linux" || Deno.build.arch !== "x86_64"
    ? "it takes Linux on x64"
    : missing.length === 0
    ? undefined
    : `${missing.join(" and ")} is not installed`;
}

/**
 * Provides a system's Deno in `.runtime/`, where it stays, and bundles the sources
 * next to it. Throws a SetupError if something is missing or npm is out of reach.
 */
export async function programFor(
  root: string,
  system: Elsewhere,
): Promise<Program> {
  const missing = missingFor(system);
  if (missing !== undefined) throw new SetupError(missing);
  const folder = `${root}/.runtime/${system}`;
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ dir: folder });
  try {
    await provideDeno(SYSTEMS[system], folder, work);
    await bundle(root, `${work}/bundle`);
    await remove(`${folder}/bundle`);
    await Deno.rename(`${work}/bundle`, `${folder}/bundle`);
  } finally {
    await remove(work);
  }
  const path = `${folder}/nanoctl`;
  await Deno.writeTextFile(path, launcher(SYSTEMS[system], folder), {
    mode: 0o755,
  });
  return { path, folder };
}

async function provideDeno(
  { deno }: System,
  folder: string,
  work: string,
): Promise<void> {
  const path = `${folder}/${deno.file}`;
  if (await hasSum(path, deno.sha256)) return;
  const unpacked = `${await unpack(deno, `${work}/deno`)}/${deno.file}`;
  if (!await hasSum(unpacked, deno.sha256)) {
    throw new SetupError(`${deno.spec} does not carry the expected Deno`);
  }
  await Deno.chmod(unpacked, 0o755);
  await Deno.rename(unpacked, path);
}

async function hasSum(path: string, sum: string): Promise<boolean> {
  const bytes = await Deno.readFile(path).catch(() => undefined);
  return bytes !== undefined && await sha256(bytes) === sum;
}

/** A script that keeps its process, so that signals reach the program. */
function launcher({ deno, path, start }: System, folder: string): string {
  const words = [
    ...start(folder),
    `${folder}/${deno.file}`,
    ...["run", "--quiet", "--no-config", "--no-code-cache"],
    ...["--cached-only", "--unstable-worker-options", ...PERMISSIONS],
    path(`${folder}/bundle/main.js`),
  ];
  const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  return `#!/bin/sh
# Apart from the test's home, which would get Deno's own files.
export DENO_DIR='${path(`${folder}/cache`)}' DENO_NO_UPDATE_CHECK=1
exec ${quoted.join(" ")} "$@"
`;
}

if (import.meta.main) {
  const root = Deno.realPathSync(`${import.meta.dirname}/..`);
  const [system = ""] = Deno.args;
  try {
    if (system !== "linux-arm64" && system !== "windows-x64") {
      throw new SetupError("name linux-arm64 or windows-x64");
    }
    const { path } = await programFor(root, system);
    Deno.stdout.writeSync(new TextEncoder().encode(`${path}\n`));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`error: ${message(error)}`);
    Deno.exit(1);
  }
}
