import { createSocket, type Socket } from "node:dgram";

/** A name server (RFC 1035) on port 53 of an address of loopback, to which every name is 127.0.0.1. */
export class NameServer implements AsyncDisposable {
  readonly #socket: Socket;
  /** The names that it was asked for. */
  readonly asked = new Set<string>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (query, { address, port }) => {
      this.asked.add(nameIn(query));
      socket.send(answerTo(query), port, address);
    });
  }

  /** Starts it; only root may. */
  static async start(address: string): Promise<NameServer> {
    const socket = createSocket("udp4");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("error", reject);
    socket.bind(53, address, resolve);
    await promise;
    return new NameServer(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.close(resolve);
    await promise;
  }
}

/** The name of the only question, which starts behind the header of 12 bytes. */
function nameIn(query: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 12; query[at];) {
    const end = at + 1 + (query[at] ?? 0);
    labels.push(new TextDecoder().decode(query.subarray(at + 1, end)));
    at = end;
  }
  return labels.join(".");
}

/** 127.0.0.1 for a question of type A, and no record for another. */
function answerTo(query: Uint8Array): Uint8Array {
  const end = query.indexOf(0, 12) + 5;
  const isA = query[end - 3] === 1;
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
  return new Uint8Array([
    ...query.subarray(0, 2),
    // A response without an error; one question, and one answer or none.
    ...[0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0],
    ...query.subarray(12, end),
    ...isA ? record : [],
  ]);
}
