/** Times starts of programs: with hyperfine where it is installed, else by itself. */

import { run, SetupError } from "../process.ts";

/** One command line that is measured. */
export interface Candidate {
  name: string;
  program: string;
  args: string[];
  env: Record<string, string>;
  /** The path of a file to read from standard input. */
  input?: string;
  /** A folder that is emptied before each start: what an earlier one left there is gone, as in a fresh container. */
  emptied?: string;
}

/** What a few starts in a row took, in milliseconds. */
export interface Sample {
  wall: number[];
  /** Processor time of user and system, the mean of the starts; undefined where nothing tells it. */
  cpu: number | undefined;
}

/** Starts a candidate so many times and says what that took. */
export type Timer = (candidate: Candidate, starts: number) => Promise<Sample>;

/** hyperfine where it is installed, else a loop of our own. */
export async function chooseTimer(
  work: string,
): Promise<{ name: string; time: Timer }> {
  const version = await run("hyperfine", ["--version"]).catch(() => undefined);
  return version?.success
    ? {
      name: version.stdout.trim(),
      time: (candidate, starts) => byHyperfine(candidate, starts, work),
    }
    : { name: "own loop", time: byLoop };
}

async function byHyperfine(
  candidate: Candidate,
  starts: number,
  work: string,
): Promise<Sample> {
  const { name, env, emptied } = candidate;
  const { program, args } = fed(candidate);
  const report = `${work}/hyperfine.json`;
  const prepare = emptied
    ? ["--prepare", `find ${emptied} -mindepth 1 -delete`]
    : [];
  const command = [program, ...args].map(quoted).join(" ");
  const { success } = await new Deno.Command("hyperfine", {
    args: [
      ...["--shell=none", "--style=none", "--runs", `${starts}`, ...prepare],
      ...["--export-json", report, command],
    ],
    env: { PATH: Deno.env.get("PATH") ?? "", ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new SetupError(`hyperfine could not time ${name}`);
  const { results: [result] } = JSON.parse(await Deno.readTextFile(report));
  return {
    wall: result.times.map((seconds: number) => seconds * 1000),
    cpu: (result.user + result.system) * 1000,
  };
}

function byLoop(candidate: Candidate, starts: number): Promise<Sample> {
  const wall = Array.from({ length: starts }, () => {
    for (const entry of entriesOf(candidate.emptied)) {
      Deno.removeSync(entry, { recursive: true });
    }
    const { program, args } = fed(candidate);
    const command = commandOf(program, args, candidate.env);
    const start = performance.now();
    const { success } = command.outputSync();
    if (!success) throw new SetupError(`${candidate.name} failed`);
    return performance.now() - start;
  });
  return Promise.resolve({ wall, cpu: undefined });
}

/** What wait4(2) says of a child; there is no other way to learn of its memory. */
const PEAK = `
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss if status == 0 else "failed")
`;

/** The most memory that a start holds at once, in KiB; undefined where Python is missing. */
export async function peakMemory(
  candidate: Candidate,
): Promise<number | undefined> {
  const { env } = candidate;
  const { program, args } = fed(candidate);
  const output = await commandOf("python3", ["-c", PEAK, program, ...args], {
    PATH: Deno.env.get("PATH") ?? "",
    ...env,
  }, "piped").output().catch(() => undefined);
  const kibibytes = Number(new TextDecoder().decode(output?.stdout));
  return kibibytes > 0 ? kibibytes : undefined;
}

function quoted(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word}'`;
}

/** The command line that also feeds the candidate its input; its shell takes about 1 ms. */
export function fed(
  { program, args, input }: Candidate,
): { program: string; args: string[] } {
  if (input === undefined) return { program, args };
  const script = 'input=$0; exec "$@" < "$input"';
  return { program: "/bin/sh", args: ["-c", script, input, program, ...args] };
}

function commandOf(
  program: string,
  args: string[],
  env: Record<string, string>,
  stdout: "null" | "piped" = "null",
): Deno.Command {
  return new Deno.Command(program, {
    args,
    env,
    clearEnv: true,
    stdin: "null",
    stdout,
    stderr: "null",
  });
}

function entriesOf(folder: string | undefined): string[] {
  if (folder === undefined) return [];
  return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
}
