/** Shared by the setup scripts: progress messages, errors and running programs. */

/** An expected failure, reported in one line without a stack trace. */
export class SetupError extends Error {
  override name = "SetupError";
}

/** A program's exit code and output. */
export interface Outcome {
  success: boolean;
  stdout: string;
  stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Prints a progress line to stderr, as stdout is for data. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Runs a program to its end and captures its output. */
export async function run(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<Outcome> {
  try {
    const { success, stdout, stderr } = await prepare(command, args, options)
      .output();
    const text = new TextDecoder();
    return {
      success,
      stdout: text.decode(stdout),
      stderr: text.decode(stderr),
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SetupError(`${command} is not on the PATH`);
  }
}

/** A command that runs this same Deno, with plain-text messages in a known form. */
export function deno(args: string[], options: RunOptions = {}): Deno.Command {
  return prepare(Deno.execPath(), args, options);
}

/** Runs this same Deno to its end. */
export function runDeno(
  args: string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return run(Deno.execPath(), args, options);
}

function prepare(
  command: string,
  args: string[],
  options: RunOptions,
): Deno.Command {
  return new Deno.Command(command, {
    args,
    ...options,
    env: {
      NO_COLOR: "1",
      RUST_BACKTRACE: "0",
      DENO_NO_UPDATE_CHECK: "1",
      ...options.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** The line of a program's error output that gives the reason. */
export function reason(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) =>
    line !== ""
  );
  const why =
    lines.find((line) =>
      /^npm error (?!code|errno|syscall|network This)/.test(line)
    ) ??
      lines.find((line) => line.startsWith("error: ")) ?? lines.at(-1) ??
      "it said nothing";
  return why.replace(/^(npm error( network)?|error:) /, "").slice(0, 300);
}

/** The message of a thrown value, on one line. */
export function message(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(
    /\s+/g,
    " ",
  );
}

/** SHA-256 in hexadecimal. */
export async function sha256(
  data: string | Uint8Array<ArrayBuffer>,
): Promise<string> {
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex();
}

/** The paths of all files in a folder tree, starting with "/"; none if there is no folder. */
export function* walk(dir: string, base = ""): Generator<string> {
  for (const entry of entries(dir)) {
    const path = `${base}/${entry.name}`;
    if (entry.isDirectory) yield* walk(`${dir}/${entry.name}`, path);
    else yield path;
  }
}

function entries(dir: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(dir)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A file's text; undefined if there is no file. */
export function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) {
      return undefined;
    }
    throw error;
  }
}

/** The content of one of our JSON files; undefined if it is missing or truncated. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readIfThere(path) ?? "");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Deletes a file or folder, if it exists. */
export async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Whether a path is a file. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether there is something at a path. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
