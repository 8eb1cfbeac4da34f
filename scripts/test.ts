/**
 * Runs all tests that this system can run: `deno task test`. On Linux that is
 * every one; elsewhere tests/elsewhere_test.ts names the others, and why.
 */
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(import.meta.resolve("../"));

/** Something that a test's text names, and which no other system has, or not in that form. */
interface LinuxThing {
  named: RegExp;
  needs: string;
  /** Whether macOS has it. */
  onMacos?: true;
}

const THINGS: readonly LinuxThing[] = [
  {
    named: /support\/(terminal|shells)\.ts"/,
    needs: "script(1) of util-linux",
  },
  { named: /\/proc\//, needs: "/proc" },
  { named: /\b(strace|unshare|ownMounts)\b/, needs: "tools of Linux" },
  { named: /\b(LockHolder|flock)\b/, needs: "flock(1)" },
  { named: /\bIS_LINUX/, needs: "Debian's packages" },
  {
    named: /\bFakeHelper\b|\bKeyCommand\b|\brunScript\b|token_command\.ts"/,
    needs: "a program that is a shell's script",
    onMacos: true,
  },
  {
    named: /\/bin\/|"(sh|bash)"|\bshell/i,
    needs: "a POSIX shell",
    onMacos: true,
  },
  {
    named: /\.mode\b|chmod|\b0o[0-7]{3}\b|\bIS_ROOT\b|Deno\.uid/,
    needs: "modes and owners of files",
    onMacos: true,
  },
  { named: /["'`]SIG(?!INT|BREAK)/, needs: "signals", onMacos: true },
  { named: /symlink/i, needs: "symbolic links", onMacos: true },
];

/** Files that skip by themselves what is not to be had, or only name it. */
const ON_THEIR_OWN = [
  "tests/cli/macos_test.ts",
  "tests/cli/windows_test.ts",
  "tests/elsewhere_test.ts",
];

/** What a test needs that a system doesn't have; undefined if nothing is known of. */
export function missingOn(os: string, text: string): string | undefined {
  if (os === "linux") return undefined;
  return THINGS.find(({ named, onMacos }) =>
    named.test(text) && !(onMacos && os === "darwin")
  )?.needs;
}

/** The test files, by path below the root, with slashes. */
export function testFiles(folder = "tests"): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? testFiles(path) : [path];
  }).filter((path) => path.endsWith("_test.ts")).sort();
}

/** The test files that a system can't run, with what they need. */
export function skippedOn(os: string): [path: string, needs: string][] {
  return testFiles().flatMap((path) => {
    if (ON_THEIR_OWN.includes(path)) return [];
    const needs = missingOn(os, Deno.readTextFileSync(join(ROOT, path)));
    return needs === undefined ? [] : [[path, needs]];
  });
}

async function runTests(args: string[]): Promise<number> {
  const ignored = skippedOn(Deno.build.os).map(([path]) => path);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A"],
      ...(ignored.length === 0 ? [] : [`--ignore=${ignored}`]),
      ...args,
      "tests",
    ],
    cwd: ROOT,
  }).spawn().status;
  return code;
}

if (import.meta.main) Deno.exit(await runTests(Deno.args));
