import type { Permissions } from "./permissions.ts";

/**
 * Drops what the process can do and its run doesn't need. The runtime enforces
 * it from then on, for dependencies too.
 *
 * The process can drop all writing or none. So what writes runs in a worker,
 * which can be given a part of the permissions.
 */
export function dropPermissions(needed: Permissions): void {
  Deno.permissions.revokeSync({ name: "write" });
  if (!needed.run) Deno.permissions.revokeSync({ name: "run" });
}

/** Starts the whole program in a worker that has these permissions, and those that nothing drops. */
export function startWorker({ write, run }: Permissions): Worker {
  const inherit = "inherit";
  return new Worker(new URL("../worker.ts", import.meta.url), {
    type: "module",
    deno: {
      permissions: {
        env: inherit,
        ffi: inherit,
        import: inherit,
        net: inherit,
        read: inherit,
        sys: inherit,
        run: run ? inherit : false,
        write,
      },
    },
  });
}
