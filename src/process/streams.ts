import { NanoctlError } from "../errors.ts";
import type { InputStream, OutputStream } from "./context.ts";
import { clearProgress, type ProgressLine } from "./progress.ts";

/** Standard input. */
export const standardInput: InputStream = {
  get isTerminal(): boolean {
    return Deno.stdin.isTerminal();
  },
  async readAll(limit): Promise<Uint8Array<ArrayBuffer>> {
    let bytes = new Uint8Array(Math.min(limit, 64 * 1024));
    let length = 0;
    while (length < limit) {
      if (length === bytes.length) bytes = grown(bytes, limit);
      const read = await Deno.stdin.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    return bytes.subarray(0, length);
  },
};

/** A copy with twice the room. The old bytes are zeroed, as they may be a token. */
function grown(
  bytes: Uint8Array<ArrayBuffer>,
  limit: number,
): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(limit, 2 * bytes.length));
  larger.set(bytes);
  bytes.fill(0);
  return larger;
}

/** The last line of the terminal that stderr is; undefined if it is none that can move. */
export function progressLine(): ProgressLine | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  return {
    write: (text) => {
      Deno.stderr.writeSync(new TextEncoder().encode(text));
    },
    get columns(): number | undefined {
      return terminalColumns();
    },
  };
}

/** Standard output or standard error. */
export function outputStream(
  stream: typeof Deno.stdout | typeof Deno.stderr,
): OutputStream {
  return {
    get isTerminal(): boolean {
      return stream.isTerminal();
    },
    get columns(): number | undefined {
      return stream.isTerminal() ? terminalColumns() : undefined;
    },
    async write(data): Promise<void> {
      clearProgress();
      const bytes = typeof data === "string"
        ? new TextEncoder().encode(data)
        : data;
      try {
        for (let written = 0; written < bytes.length;) {
          written += await stream.write(bytes.subarray(written));
        }
      } catch (error) {
        throw unwritable(error);
      }
    },
  };
}

function terminalColumns(): number | undefined {
  try {
    // 0 on a terminal that was never told its size.
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined;
  }
}

/** The error of a failed write; a broken pipe stays as it is, for run.ts. */
function unwritable(error: unknown): unknown {
  if (error instanceof Deno.errors.BrokenPipe) return error;
  const reason = error instanceof Error
    ? error.message.replace(/\.? \(os error.*$/, "").toLowerCase()
    : "unknown reason";
  return new NanoctlError(
    "failed",
    `the output can't be written: ${reason}`,
  );
}
