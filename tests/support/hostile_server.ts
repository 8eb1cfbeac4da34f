import type { Identity } from "./certificates.ts";
import {
  BINARY,
  killHard,
  NO_METADATA,
  type Result,
  type RunOptions,
  WATCHDOG_SECONDS,
} from "./nanoctl.ts";

/** Bytes, or a string with one byte per character. */
export type Bytes = string | Uint8Array;

/** A raw request. */
export interface Heard {
  method: string;
  /** The path and query. */
  target: string;
  /** The lines of the head, including the request line. */
  head: string;
  /** One character per byte. */
  body: string;
}

/** The client. */
export interface Peer {
  /** Sends it; false once the client has disconnected. */
  send(bytes: Bytes): Promise<boolean>;
}

/** How a server answers: with the bytes of a whole answer, or by handling the connection itself. */
export type Answering = (
  heard: Heard,
  peer: Peer,
) => Bytes | void | Promise<Bytes | void>;

/** Where a server listens. */
export interface Place {
  hostname?: string;
  port?: number;
  identity?: Identity;
}

/**
 * A server that sends arbitrary bytes, valid or not, and records everything it
 * receives. It closes each connection after one answer.
 */
export class HostileServer implements AsyncDisposable {
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #connections = new Map<Deno.Conn, Promise<void>>();
  readonly #ended: Promise<void>;
  readonly #answer: Answering;
  readonly port: number;
  /** Its origin, without a trailing slash. */
  readonly url: string;
  /** The requests so far. */
  readonly heard: Heard[] = [];
  /** How many connections there were, with or without a request. */
  connections = 0;
  /** All bytes received. */
  received = "";

  constructor(answer: Bytes | Answering, place: Place = {}) {
    this.#answer = typeof answer === "function" ? answer : () => answer;
    const { hostname = "127.0.0.1", port = 0, identity } = place;
    this.#listener = identity
      ? Deno.listenTls({ hostname, port, ...identity })
      : Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    this.url = `${identity ? "https" : "http"}://${host}:${this.port}`;
    this.#ended = this.#serve();
  }

  async #serve(): Promise<void> {
    for (;;) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        // The handshake failed.
        continue;
      }
      this.connections++;
      this.#connections.set(
        connection,
        this.#converse(connection).catch(() => {}).finally(() => {
          close(connection);
          this.#connections.delete(connection);
        }),
      );
    }
  }

  async #converse(connection: Deno.Conn): Promise<void> {
    const heard = await this.#hear(connection);
    if (!heard) return;
    this.heard.push(heard);
    let isThere = true;
    // Closing with unread bytes would send a reset, which would discard the answer.
    const left = untilItLeaves(connection).finally(() => isThere = false);
    const peer: Peer = {
      send: async (bytes) => isThere && await send(connection, bytes),
    };
    // Don't wait for a delayed answer once the client has left.
    const bytes = await Promise.race([this.#answer(heard, peer), left]);
    if (bytes !== undefined) await peer.send(bytes);
    await connection.closeWrite();
    await left;
  }

  async #hear(connection: Deno.Conn): Promise<Heard | undefined> {
    const buffer = new Uint8Array(64 * 1024);
    let text = "";
    for (;;) {
      const end = text.indexOf("\r\n\r\n");
      const head = text.slice(0, end);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      if (end >= 0 && text.length >= end + 4 + length) {
        const [method = "", target = ""] = head.split(" ");
        return { method, target, head, body: text.slice(end + 4) };
      }
      const read = await connection.read(buffer);
      if (read === null) return undefined;
      const more = byteString(buffer.subarray(0, read));
      text += more;
      this.received += more;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
    const open = [...this.#connections];
    for (const [connection] of open) close(connection);
    await Promise.all(open.map(([, ended]) => ended));
  }
}

async function untilItLeaves(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // The client reset the connection, or we closed it.
  }
}

async function send(connection: Deno.Conn, bytes: Bytes): Promise<boolean> {
  const rest = typeof bytes === "string" ? fromLatin1(bytes) : bytes;
  try {
    for (let sent = 0; sent < rest.length;) {
      sent += await connection.write(rest.subarray(sent));
    }
    return true;
  } catch {
    return false;
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Already closed.
  }
}

/** Bytes as a string with one byte per character; TextDecoder's latin1 is really windows-1252. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Bytes from a string with one byte per character. */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** A raw answer. */
export function answer(
  status: number | string,
  headers: Record<string, string> = {},
  body: string = "",
): string {
  return head(status, { "content-length": `${body.length}`, ...headers }) +
    body;
}

/** The head of a raw answer. */
export function head(
  status: number | string,
  headers: Record<string, string> = {},
): string {
  const lines = Object.entries({ ...headers, connection: "close" })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Said\r\n${lines.join("")}\r\n`;
}

/** A good answer to `GET /v1/me`. */
export function meAnswer(headers: Record<string, string> = {}): string {
  return answer(200, { "content-type": "application/json", ...headers }, ME);
}

/** The body of a good answer to `GET /v1/me`. */
export const ME = JSON.stringify({
  username: "mallory",
  email: null,
  token: { id: "1", name: "1", expires_at: null, scopes: [] },
});

/** Waits, to make a server slow. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The result of a run with its resource usage. */
export interface Measured extends Result {
  /** Its peak memory (VmHWM), in MiB. */
  peak: number;
  seconds: number;
  /** The number of bytes on stdout, and their SHA-256. `stdout` has only the first ones. */
  bytes: number;
  sha256: string;
}

const KEPT_BYTES = 64 * 1024;

/**
 * Runs the program and samples its memory. The kernel records the peak, so that
 * sampling misses only growth after the last sample.
 */
export async function runMeasured(
  args: string[],
  options: RunOptions = {},
): Promise<Measured> {
  const { createHash } = await import("node:crypto");
  const started = performance.now();
  const process = new Deno.Command(options.binary ?? BINARY, {
    args,
    clearEnv: true,
    env: {
      ...NO_METADATA,
      ...(options.home ? { HOME: options.home.path } : {}),
      ...options.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hung = false;
  const watchdog = setTimeout(() => {
    hung = true;
    killHard(process);
  }, WATCHDOG_SECONDS * 1000);
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, peakOf(process.pid));
  };
  const watch = setInterval(look, 3);
  const stderr = new Response(process.stderr).text();
  const hash = createHash("sha256");
  let stdout = "";
  let bytes = 0;
  for await (const chunk of process.stdout) {
    bytes += chunk.length;
    hash.update(chunk);
    if (stdout.length < KEPT_BYTES) stdout += byteString(chunk);
    look();
  }
  const { code } = await process.status;
  clearInterval(watch);
  clearTimeout(watchdog);
  if (hung) throw new Error(`it hung; it had said: ${await stderr}`);
  return {
    code,
    stdout,
    stderr: await stderr,
    peak,
    seconds: (performance.now() - started) / 1000,
    bytes,
    sha256: hash.digest("hex"),
  };
}

function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const MIB = 1024 * 1024;

/**
 * A gzip file of zeros that is a thousand times larger when decompressed. One
 * compressed block of 16 MiB is repeated.
 */
export async function gzipBomb(
  gibibytes = 1,
): Promise<Uint8Array<ArrayBuffer>> {
  const { constants, crc32, deflateRawSync } = await import("node:zlib");
  const zeros = new Uint8Array(16 * MIB);
  const piece = new Uint8Array(
    deflateRawSync(zeros, { level: 9, finishFlush: constants.Z_FULL_FLUSH }),
  );
  const pieces = gibibytes * 1024 / 16;
  let checksum = 0;
  for (let i = 0; i < pieces; i++) checksum = crc32(zeros, checksum);
  const end = new DataView(new ArrayBuffer(10));
  // An empty last block, the checksum, and the size modulo 2^32.
  end.setUint16(0, 0x0300);
  end.setUint32(2, checksum, true);
  end.setUint32(6, gibibytes * 1024 * MIB >>> 0, true);
  const start = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
  const whole = new Uint8Array(start.length + pieces * piece.length + 10);
  whole.set(start);
  for (let i = 0; i < pieces; i++) {
    whole.set(piece, start.length + i * piece.length);
  }
  whole.set(new Uint8Array(end.buffer), whole.length - 10);
  return whole;
}

/** Zeros compressed with Brotli, far smaller than the decompressed data. */
export async function brotliBomb(
  mebibytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { brotliCompressSync, constants } = await import("node:zlib");
  return new Uint8Array(
    brotliCompressSync(new Uint8Array(mebibytes * MIB), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
    }),
  );
}
