import { run } from "./cli/run.ts";
import { systemContext } from "./context.ts";

/** The whole program: runs the command line of the process and gives its exit code. */
export async function runProgram(): Promise<number> {
  const context = systemContext({
    secret: async (message) =>
      (await import("./cli/prompts.ts")).promptSecret(message),
  });
  return await run(Deno.args, context);
}
