import { run } from "./cli/run.ts";
import { systemContext } from "./context.ts";

/** The whole program: runs the command line of the process and gives its exit code. */
export async function runProgram(): Promise<number> {
  let prompts: typeof import("./cli/prompts.ts") | undefined;
  const context = systemContext({
    secret: async (message) => {
      prompts = await import("./cli/prompts.ts");
      return await prompts.promptSecret(message);
    },
    release: () => prompts?.releaseTerminal(),
  });
  return await run(Deno.args, context);
}
