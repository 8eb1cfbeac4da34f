/** The programs that the bench starts, and the services that they ask. */

import { compileArgs, PROGRAM } from "../compile.ts";
import { run, runDeno, SetupError } from "../process.ts";
import { provideRuntime } from "../runtime.ts";

const ROOT = Deno.realPathSync(`${import.meta.dirname}/../..`);

/** The compiled program that is measured. */
export const NANOCTL = `${ROOT}/${PROGRAM}`;

/** Ends at once: it doesn't wait for the runtime to wind down, as nanoctl doesn't. */
const ENDING = "Deno.exit(0);\n";

/** The floor of a request: the same runtime sends one, with a token, over the same TLS. */
const FETCHING = `
const client = Deno.createHttpClient({
  caCerts: [Deno.readTextFileSync(Deno.env.get("SSL_CERT_FILE"))],
});
const answer = await fetch(Deno.env.get("BENCH_URL"), {
  client,
  headers: { authorization: "Bearer " + Deno.env.get("BENCH_TOKEN") },
});
Deno.stdout.writeSync(new Uint8Array(await answer.arrayBuffer()));
Deno.exit(answer.ok ? 0 : 1);
`;

/** The paths of the programs; `gh` is undefined where it is not installed. */
export interface Programs {
  nanoctl: string;
  /** Of an empty file. */
  empty: string;
  ending: string;
  fetching: string;
  gh: string | undefined;
}

/** Compiles and copies everything into a folder. Throws a SetupError. */
export async function providePrograms(work: string): Promise<Programs> {
  const compiled = async (name: string, code: string): Promise<string> =>
    await freshCopy(
      await compileProgram(work, name, code),
      `${work}/${name}_copy`,
    );
  const gh = await run("sh", ["-c", "command -v gh"]);
  return {
    nanoctl: await freshCopy(NANOCTL, `${work}/nanoctl`),
    empty: await compiled("empty", ""),
    ending: await compiled("ending", ENDING),
    fetching: await compiled("fetching", FETCHING),
    gh: gh.success ? gh.stdout.trim() : undefined,
  };
}

/** Copied, all programs are in the page cache alike: how a file came there changes a start by up to 1.5 ms. */
async function freshCopy(from: string, to: string): Promise<string> {
  await Deno.copyFile(from, to);
  return to;
}

/** Compiles a program of this code as nanoctl is compiled, and gives its path. */
async function compileProgram(
  work: string,
  name: string,
  code: string,
): Promise<string> {
  const entry = `${work}/${name}.js`;
  await Deno.writeTextFile(entry, code);
  const runtime = await provideRuntime(ROOT, work);
  const { success, stderr } = await runDeno(
    compileArgs(entry, `${work}/${name}`),
    {
      cwd: work,
      env: runtime.path ? { DENORT_BIN: runtime.path } : {},
    },
  );
  if (!success) throw new SetupError(stderr);
  return `${work}/${name}`;
}

/** A service in a process of its own. */
export interface Service {
  /** What it printed first, as JSON. */
  ready: Record<string, string>;
  stop(): Promise<void>;
}

/** The embedded service of the program that is measured. */
export async function startDevServer(): Promise<Service> {
  return await startService(NANOCTL, ["dev-server", "--port", "0", "--json"]);
}

/** A service that speaks TLS, for nanoctl and gh alike. */
export async function startTlsServer(work: string): Promise<Service> {
  const script = `${import.meta.dirname}/tls_server.ts`;
  return await startService(Deno.execPath(), ["run", "-A", script, work]);
}

async function startService(program: string, args: string[]): Promise<Service> {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child.status;
  };
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).values();
  const { value } = await lines.next();
  if (value) return { ready: JSON.parse(value), stop };
  await child.status;
  throw new SetupError(`${program} ${args[0]} did not start`);
}
