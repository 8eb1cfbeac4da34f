const CHUNK_BYTES = 64 * 1024;

/** One end of a connection: bytes are taken from it in the portions that a protocol has. */
export class Peer {
  readonly #connection: Deno.TcpConn;
  #rest: Uint8Array | undefined;
  #closed = false;

  constructor(connection: Deno.TcpConn) {
    connection.unref();
    this.#connection = connection;
  }

  /** What came next; null at the end. */
  async next(): Promise<Uint8Array | null> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) return rest;
    const bytes = new Uint8Array(CHUNK_BYTES);
    const count = await this.#connection.read(bytes);
    return count === null ? null : bytes.subarray(0, count);
  }

  /** Makes this what comes next. */
  putBack(chunk: Uint8Array | null): void {
    this.#rest = chunk?.length ? chunk : undefined;
  }

  /** Exactly this many bytes. Throws when there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    let taken = this.#rest ?? new Uint8Array();
    this.#rest = undefined;
    while (taken.length < count) {
      const chunk = await this.next();
      if (!chunk) throw new Deno.errors.UnexpectedEof();
      taken = joined(taken, chunk);
    }
    this.putBack(taken.subarray(count));
    return taken.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#connection.write(bytes.subarray(written));
    }
  }

  /** Closes the sending direction. */
  async end(): Promise<void> {
    await this.#connection.closeWrite().catch(() => {});
  }

  /** Ends both directions. */
  hangUp(): void {
    if (this.#closed) return;
    this.#closed = true;
    // In newer runtimes a pending read outlives the close, and then the other side hears nothing of it.
    this.end();
    this.#connection.close();
  }
}

/** Hands on what comes, both ways, until the client has gone or has got all. */
export async function join(client: Peer, proxy: Peer): Promise<void> {
  const down = pump(proxy, client).catch(() => {}).then(() => client.end());
  try {
    await pump(client, proxy);
  } catch {
    // The proxy accepts nothing more, but what it sent before is still on its way.
    await down;
  }
}

/** Throws if the other side accepts nothing more. */
async function pump(from: Peer, to: Peer): Promise<void> {
  for (;;) {
    const chunk = await from.next().catch(() => null);
    if (!chunk) return;
    await to.write(chunk);
  }
}

/** Two runs of bytes behind each other. */
export function joined(
  first: Uint8Array,
  second: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/** Bytes as text, one character a byte (ISO 8859-1). */
export function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
