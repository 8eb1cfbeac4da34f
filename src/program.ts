import { lineOfTool } from "./cli/command_line/called_by_tools.ts";
import { type CommandLine, parse } from "./cli/command_line/parse.ts";
import { runLine } from "./cli/run.ts";
import { dropPermissions, startWorker } from "./process/drop_permissions.ts";
import { permissionsFor } from "./process/permissions.ts";
import { showProgress } from "./process/progress.ts";
import { progressLine } from "./process/streams.ts";
import { ownOs } from "./process/system/systems.ts";
import { systemContext } from "./process/system_context.ts";
import {
  READ_ONLY,
  TOKEN_COMMAND,
  variableIfText,
} from "./process/variables.ts";
import { type FileTop, readTop } from "./store/file_top.ts";
import { foldersOf } from "./store/paths.ts";

/** Where a command can write if what is stored is only read. */
const NO_FOLDERS = { config: undefined, data: undefined };

/**
 * Reads the command line, drops the permissions that it doesn't need, and runs
 * it. Gives the exit code. Until the permissions are dropped no dependency is
 * loaded: the parse and the specs are all our own.
 */
export async function runProgram(known?: FileTop): Promise<number> {
  const line = await parse(lineOfTool(Deno.args));
  const run = line.wants === "run" ? line : undefined;
  const env = { get: variableIfText };
  const folders = foldersOf({ env, os: ownOs });
  const top = known ?? readTop(folders.credentials, new Date());
  const needed = permissionsFor(
    run,
    env.get(READ_ONLY) === "1" ? NO_FOLDERS : folders,
    top,
    variableIfText(TOKEN_COMMAND),
  );
  if (needed.write.length === 0) {
    dropPermissions(needed);
    return await runHere(line);
  }
  const worker = startWorker(needed);
  dropPermissions({ write: [], run: false });
  return await new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
}

/** Says what a person waits for, where one looks on. */
function startProgress(
  { json, quiet }: Record<string, unknown>,
): void {
  const isMovable = variableIfText("TERM") !== "dumb";
  const where = json || quiet || !isMovable ? undefined : progressLine();
  if (where) showProgress(where);
}

/** Runs the command line in this process or worker, and gives its exit code. */
export async function runHere(line: CommandLine): Promise<number> {
  let prompts: typeof import("./cli/prompts.ts") | undefined;
  const context = systemContext({
    secret: async (message) => {
      prompts = await import("./cli/prompts.ts");
      return await prompts.promptSecret(message);
    },
    enter: async () => {
      prompts = await import("./cli/prompts.ts");
      return await prompts.waitForEnter();
    },
    release: () => prompts?.releaseTerminal(),
  });
  if (line.wants === "run") startProgress(line.options);
  return await runLine(line, Deno.args, context);
}
