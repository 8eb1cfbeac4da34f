/**
 * The runtime as it is on Windows, as far as nanoctl uses it: imported first, it
 * puts itself in the place of `Deno`. It is stricter than Windows where a program
 * could get away with something there by luck.
 *
 * What it does is what Deno's documentation and Microsoft's say. Nobody has
 * compared it with Windows.
 */
import process from "node:process";
import { Drives } from "./drives.ts";

const machine = { ...Deno };
const { root, env, renamesRefused }: Machine = JSON.parse(
  Deno.env.get("STAND_IN") ?? "{}",
);
const drives = new Drives(root, machine.readDirSync);
const open = new Map<string, number>();
let refused = renamesRefused ?? 0;

/** What the stand-in is started with, as JSON in the variable STAND_IN. */
export interface Machine {
  /** The folder with the drives. */
  root: string;
  /** The program's variables, written in any case. */
  env: Record<string, string>;
  /** How many renames fail first, because a scanner has the file open. */
  renamesRefused?: number;
}

type Path = string | URL;

function at(path: Path): string {
  // Modules and their like are the machine's own.
  return path instanceof URL ? path.pathname : drives.at(path);
}

/** A file or folder without what Windows doesn't have. */
function info(found: Deno.FileInfo): Deno.FileInfo {
  return { ...found, mode: null, uid: null, gid: null, ino: null, dev: 0 };
}

function inUse(path: string): Error {
  return new Deno.errors.Busy(
    `The process cannot access the file because it is being used by another process. (os error 32): '${path}'`,
  );
}

function denied(path: string): Error {
  return new Deno.errors.PermissionDenied(
    `Access is denied. (os error 5): '${path}'`,
  );
}

/** Counts an open file until it is closed. */
function counted(file: Deno.FsFile, path: string): Deno.FsFile {
  const key = path.toLowerCase();
  open.set(key, (open.get(key) ?? 0) + 1);
  const close = file.close.bind(file);
  file.close = () => {
    file.close = close;
    open.set(key, (open.get(key) ?? 1) - 1);
    close();
  };
  file[Symbol.dispose] = () => file.close();
  return file;
}

function isOpen(path: string): boolean {
  return (open.get(path.toLowerCase()) ?? 0) > 0;
}

function checkNoFolder(path: string): void {
  let isDirectory = false;
  try {
    isDirectory = machine.statSync(path).isDirectory;
  } catch {
    // The call itself says why.
  }
  if (isDirectory) throw denied(path);
}

function renameSync(from: Path, to: Path): void {
  const [source, target] = [at(from), at(to)];
  if (refused > 0) {
    refused--;
    throw inUse(String(from));
  }
  if (isOpen(source)) throw inUse(String(from));
  if (isOpen(target)) throw denied(String(to));
  machine.renameSync(source, target);
}

/** The variables, by names in any case. */
const variables = new Map(
  Object.entries(env ?? {}).map(([name, value]) => [
    name.toUpperCase(),
    { name, value },
  ]),
);
const environment = {
  get: (name: string) => variables.get(name.toUpperCase())?.value,
  set: (name: string, value: string) =>
    void variables.set(name.toUpperCase(), { name, value }),
  has: (name: string) => variables.has(name.toUpperCase()),
  delete: (name: string) => void variables.delete(name.toUpperCase()),
  toObject: () =>
    Object.fromEntries(
      [...variables.values()].map(({ name, value }) => [name, value]),
    ),
};

/** The ones that every version of the runtime has. */
const SIGNALS: Deno.Signal[] = ["SIGINT", "SIGBREAK"];

function checkSignal(signal: Deno.Signal): void {
  if (SIGNALS.includes(signal)) return;
  throw new TypeError(
    `Windows only supports ctrl-c (SIGINT) and ctrl-break (SIGBREAK), but got ${signal}`,
  );
}

/** Runs what Windows would: a file that is there, whose name ends as a program's does. */
class Command extends machine.Command {
  constructor(command: string | URL, options: Deno.CommandOptions = {}) {
    const path = at(command);
    if (!/\.(exe|com|bat|cmd)$/i.test(path)) {
      throw new Error(
        `%1 is not a valid Win32 application. (os error 193): '${command}'`,
      );
    }
    super(path, options);
  }
}

class WindowsWorker extends Worker {
  constructor(_: string | URL, options?: WorkerOptions) {
    const { permissions } = options?.deno ?? {};
    const write = typeof permissions === "object"
      ? permissions.write
      : undefined;
    super(new URL("./worker.ts", import.meta.url), {
      type: "module",
      deno: {
        permissions: {
          ...(typeof permissions === "object" ? permissions : {}),
          ...(Array.isArray(write) ? { write: write.map(at) } : {}),
          env: true,
        },
      },
    });
  }
}

const stdin = {
  read: (buffer: Uint8Array) => machine.stdin.read(buffer),
  isTerminal: () => machine.stdin.isTerminal(),
  setRaw: (on: boolean, options?: { cbreak: boolean }) => {
    if (options?.cbreak) {
      throw new Deno.errors.NotSupported("cbreak is not supported");
    }
    machine.stdin.setRaw(on);
  },
};

const WINDOWS = {
  build: { ...machine.build, os: "windows", target: "x86_64-pc-windows-msvc" },
  env: environment,
  stdin,
  Command,
  execPath: () => "C:\\Program Files\\nanoctl\\nanoctl.exe",
  cwd: () => "C:\\Users\\ada",
  uid: () => null,
  addSignalListener: (signal: Deno.Signal, listener: () => void) => {
    checkSignal(signal);
    if (signal === "SIGINT") machine.addSignalListener(signal, listener);
  },
  removeSignalListener: (signal: Deno.Signal, listener: () => void) => {
    checkSignal(signal);
    if (signal === "SIGINT") machine.removeSignalListener(signal, listener);
  },
  openSync: (path: Path, options?: Deno.OpenOptions) => {
    checkNoFolder(at(path));
    return counted(machine.openSync(at(path), options), at(path));
  },
  open: async (path: Path, options?: Deno.OpenOptions) => {
    checkNoFolder(at(path));
    return counted(await machine.open(at(path), options), at(path));
  },
  readFile: (path: Path) => machine.readFile(at(path)),
  readFileSync: (path: Path) => machine.readFileSync(at(path)),
  readTextFileSync: (path: Path) => machine.readTextFileSync(at(path)),
  readDirSync: (path: Path) => machine.readDirSync(at(path)),
  statSync: (path: Path) => info(machine.statSync(at(path))),
  lstatSync: (path: Path) => info(machine.lstatSync(at(path))),
  realPathSync: (path: Path) => drives.of(machine.realPathSync(at(path))),
  readLinkSync: (path: Path) => machine.readLinkSync(at(path)),
  mkdirSync: (path: Path, options?: Deno.MkdirOptions) =>
    machine.mkdirSync(at(path), { recursive: options?.recursive === true }),
  removeSync: (path: Path) => {
    if (isOpen(at(path))) throw inUse(String(path));
    machine.removeSync(at(path));
  },
  renameSync,
};

for (const [name, value] of Object.entries(WINDOWS)) {
  Object.defineProperty(Deno, name, { value, configurable: true });
}
// @std/path asks Node's API first.
Object.defineProperty(process, "platform", { value: "win32" });
Object.defineProperty(globalThis, "Worker", { value: WindowsWorker });
const query = machine.permissions.querySync.bind(machine.permissions);
Deno.permissions.querySync = (descriptor) =>
  query(
    descriptor.name === "write" && descriptor.path !== undefined
      ? { ...descriptor, path: at(descriptor.path) }
      : descriptor,
  );
