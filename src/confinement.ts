/**
 * Gives up what the process may do and its command need not, before any other
 * module runs; so main.ts imports it first. The runtime enforces it, whatever
 * the modules do that come after.
 *
 * The process can give up all writing or none. So what changes the store runs
 * in a worker: to that a part of the rights can be given.
 */

import { mayRunPrograms, writableFolders } from "./rights.ts";

const PLACE = { env: { get: textOf }, os: Deno.build.os };

const write = writableFolders(Deno.args, PLACE);

/** The worker that runs the command; undefined where the process itself does. */
export const worker: Worker | undefined = write.length > 0
  ? startWorker()
  : undefined;

Deno.permissions.revokeSync({ name: "write" });
if (worker) Deno.permissions.revokeSync({ name: "run" });
// To find out whether it may takes `token` 0.3 ms; its quick way runs nothing.
else if (Deno.args[0] !== "token") giveUpPrograms();

/**
 * Gives up running programs, where the command needs none. For `token` alone,
 * once its quick way did not do: all else has given it up by then.
 */
export function giveUpPrograms(): void {
  if (mayRunPrograms(Deno.args, PLACE)) return;
  Deno.permissions.revokeSync({ name: "run" });
}

/** A variable; undefined too where it is not text, as whoever needs it says. */
function textOf(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

function startWorker(): Worker {
  const inherit = "inherit";
  return new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    deno: {
      permissions: {
        env: inherit,
        ffi: inherit,
        import: inherit,
        net: inherit,
        read: inherit,
        sys: inherit,
        run: mayRunPrograms(Deno.args, PLACE) ? inherit : false,
        write,
      },
    },
  });
}
