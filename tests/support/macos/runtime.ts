/**
 * The runtime as it is on macOS, with the home folder on a share that has no
 * F_FULLFSYNC (fcntl(2)): imported first, it puts itself in the place of `Deno`.
 * Nobody has compared it with macOS.
 */
import process from "node:process";

const openSync = Deno.openSync;

function onShare(file: Deno.FsFile): Deno.FsFile {
  file.syncSync = () => {
    throw Object.assign(
      new Deno.errors.NotSupported("Operation not supported (os error 45)"),
      { code: "ENOTSUP" },
    );
  };
  return file;
}

const MACOS = {
  build: { ...Deno.build, os: "darwin", target: "aarch64-apple-darwin" },
  openSync: (path: string | URL, options?: Deno.OpenOptions) =>
    onShare(openSync(path, options)),
};

class MacosWorker extends Worker {
  constructor(_: string | URL, options?: WorkerOptions) {
    super(new URL("./worker.ts", import.meta.url), options);
  }
}

for (const [name, value] of Object.entries(MACOS)) {
  Object.defineProperty(Deno, name, { value, configurable: true });
}
// @std/path asks Node's API first.
Object.defineProperty(process, "platform", { value: "darwin" });
Object.defineProperty(globalThis, "Worker", { value: MacosWorker });
