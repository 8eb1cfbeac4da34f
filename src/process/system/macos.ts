import type { System } from "./system.ts";
import { unix } from "./unix.ts";

/** What a file system says that can't do what the runtime asks it for: F_FULLFSYNC (fcntl(2)). */
const NOT_SUPPORTED = ["ENOTSUP", "ENOTTY", "EINVAL"];

/** MacOS, where it is not like any Unix. */
export const macos: System = {
  ...unix,
  sync(file): void {
    try {
      file.syncSync();
    } catch (error) {
      // A share, mostly: what the file holds is with its server, and no more can be had.
      if (!isUnsupported(error)) throw error;
    }
  },
  keyHelpers: ["osxkeychain"],
  pageOpener: () => ["open"],
  keepsAuthorities: true,
};

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    NOT_SUPPORTED.some((code) => code === error.code);
}
