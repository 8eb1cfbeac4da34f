import type { FileSystem } from "../../src/store/file_system.ts";

/** What happens around the calls of {@linkcode observed}. */
export interface Observer {
  /** Called before each call; what it throws is what the call throws. */
  before?(call: string): void;
  /** Called after each call that worked. */
  after?(call: string): void;
  /** How many bytes a write takes at most. */
  writeLimit?: number;
}

/** The real file system, with someone who looks on, or who makes calls fail. */
export function observed(observer: Observer): FileSystem {
  const call = <T>(name: string, action: () => T): T => {
    observer.before?.(name);
    const result = action();
    observer.after?.(name);
    return result;
  };
  return {
    openSync: (...args) => {
      const file = call("open", () => Deno.openSync(...args));
      return new Proxy(file, {
        get(target, property): unknown {
          if (property === "writeSync") {
            return (bytes: Uint8Array) =>
              call(
                "write",
                () => target.writeSync(bytes.subarray(0, observer.writeLimit)),
              );
          }
          if (property === "syncSync") {
            return () => call("sync", () => target.syncSync());
          }
          const value = Reflect.get(target, property);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
    renameSync: (...args) => call("rename", () => Deno.renameSync(...args)),
    removeSync: (...args) => Deno.removeSync(...args),
    readDirSync: (...args) => Deno.readDirSync(...args),
  };
}
