import { runQuickly } from "./src/cli/quick.ts";

const done = await runQuickly(Deno.args, {
  env: Deno.env,
  os: Deno.build.os,
  now: () => new Date(),
  write: (bytes) => Deno.stdout.writeSync(bytes),
});
if (done) Deno.exit(0);

// Not before it is clear that it is needed: it takes as long to load as the runtime.
await import("./src/program.ts");
