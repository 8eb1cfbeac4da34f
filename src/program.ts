/** The whole program: what the quick way of main.ts leaves. */

import { run } from "./cli/run.ts";
import { systemContext } from "./context.ts";

const context = systemContext({
  secret: async (message) =>
    (await import("./cli/prompts.ts")).promptSecret(message),
});

Deno.exit(await run(Deno.args, context));
