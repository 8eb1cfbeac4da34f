import { run } from "./src/cli/run.ts";
import { systemContext } from "./src/context.ts";

const context = systemContext({
  secret: async (message) =>
    (await import("./src/cli/prompts.ts")).promptSecret(message),
});

Deno.exit(await run(Deno.args, context));
