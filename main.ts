// First, as it gives up the rights that no module is to have.
import { giveUpPrograms, worker } from "./src/confinement.ts";
import { runQuickly } from "./src/cli/quick.ts";

if (worker) worker.onmessage = ({ data }) => Deno.exit(data);
else Deno.exit(await runHere());

async function runHere(): Promise<number> {
  const done = await runQuickly(Deno.args, {
    env: Deno.env,
    os: Deno.build.os,
    now: () => new Date(),
    write: (bytes) => Deno.stdout.writeSync(bytes),
  });
  if (done) return 0;
  if (Deno.args[0] === "token") giveUpPrograms();
  // Not before it is clear that it is needed: it takes longer to load than all this.
  return await (await import("./src/program.ts")).runProgram();
}
