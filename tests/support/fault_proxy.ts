import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { byteString } from "./hostile_server.ts";
import type { Random } from "./store_files.ts";

/** What happens to a connection. Shares and bytes are of the answer. */
export type Fault =
  | { kind: "none" }
  /** Reset immediately, before anything is read. */
  | { kind: "refuse" }
  /** Reset after this share of the answer. */
  | { kind: "reset"; share: number }
  /** Closed normally after this share of the answer. */
  | { kind: "truncate"; share: number }
  /** Stalls after this share of the answer. */
  | { kind: "stall"; share: number }
  /** The whole answer, in pieces of this many bytes with a delay between them. */
  | { kind: "delay"; piece: number; milliseconds: number };

const DELAYS_AT_MOST = 12;

/** A random fault or none, with about even odds per attempt. */
export function someFault(random: Random): Fault {
  const share = random.next();
  switch (random.below(10)) {
    case 0:
      return { kind: "refuse" };
    case 1:
    case 2:
      return { kind: "reset", share };
    case 3:
    case 4:
      return { kind: "truncate", share };
    case 5:
      return { kind: "stall", share };
    case 6:
    case 7:
      return {
        kind: "delay",
        piece: 1 + random.below(200),
        milliseconds: random.below(30),
      };
    default:
      return { kind: "none" };
  }
}

/** A TCP proxy on loopback, for a server that closes each connection after its answer. */
export class FaultProxy implements AsyncDisposable {
  readonly #server;
  readonly #faults: Fault[];
  readonly #upstream: number;
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  /** How many connections there were. */
  connections = 0;
  /** The requests that were read, one character per byte. */
  readonly requests: string[] = [];

  private constructor(
    server: ReturnType<typeof createServer>,
    upstream: number,
    faults: Fault[],
  ) {
    this.#server = server;
    this.#upstream = upstream;
    this.#faults = faults;
    // SAFETY: it listens on TCP, so that its address is not a path.
    this.#port = (server.address() as AddressInfo).port;
    server.on("connection", (socket: Socket) => this.#take(socket));
  }

  /** Starts a proxy whose nth connection has the nth of these faults, and none after the last. */
  static async start(upstream: number, faults: Fault[]): Promise<FaultProxy> {
    const server = createServer();
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", () => listening.resolve());
    await listening.promise;
    return new FaultProxy(server, upstream, faults);
  }

  /** Its host and port. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  #take(socket: Socket): void {
    const fault = this.#faults[this.connections++] ?? { kind: "none" };
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    if (fault.kind === "refuse") {
      socket.resetAndDestroy();
      return;
    }
    const index = this.requests.push("") - 1;
    const server = connect(this.#upstream, "127.0.0.1");
    this.#sockets.add(server);
    server.on("error", () => {});
    server.on("close", () => this.#sockets.delete(server));
    socket.on("data", (bytes: Uint8Array) => {
      this.requests[index] += byteString(bytes);
      server.write(bytes);
    });
    const answer: Uint8Array[] = [];
    server.on("data", (bytes: Uint8Array) => answer.push(bytes.slice()));
    server.on("end", () => void deliver(socket, joined(answer), fault));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await closed.promise;
  }
}

async function deliver(
  socket: Socket,
  answer: Uint8Array,
  fault: Fault,
): Promise<void> {
  if (fault.kind === "none" || fault.kind === "refuse") {
    socket.end(answer);
    return;
  }
  if (fault.kind === "delay") {
    const piece = Math.max(
      fault.piece,
      Math.ceil(answer.length / DELAYS_AT_MOST),
    );
    for (let at = 0; at < answer.length && !socket.destroyed; at += piece) {
      socket.write(answer.subarray(at, at + piece));
      await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    }
    socket.end();
    return;
  }
  // Always less than all of it.
  const part = answer.subarray(0, Math.floor(answer.length * fault.share));
  const written = Promise.withResolvers<void>();
  socket.write(part, () => written.resolve());
  await written.promise;
  if (fault.kind === "reset") socket.resetAndDestroy();
  if (fault.kind === "truncate") socket.end();
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A TCP proxy that forwards everything until it is cut. */
export class CutProxy implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  /** How many connections there were. */
  connections = 0;

  private constructor(upstream: number) {
    this.#server = createServer((socket: Socket) => {
      this.connections++;
      const server = connect(upstream, "127.0.0.1");
      for (const end of [socket, server]) {
        this.#sockets.add(end);
        end.on("error", () => {});
        end.on("close", () => this.#sockets.delete(end));
      }
      socket.on("data", (bytes: Uint8Array) => server.write(bytes));
      server.on("data", (bytes: Uint8Array) => socket.write(bytes));
    });
  }

  /** Starts a proxy. */
  static async start(upstream: number): Promise<CutProxy> {
    const proxy = new CutProxy(upstream);
    const listening = Promise.withResolvers<void>();
    proxy.#server.listen(0, "127.0.0.1", () => listening.resolve());
    await listening.promise;
    return proxy;
  }

  /** Its host and port. */
  get address(): string {
    // SAFETY: it listens on TCP, so that its address is not a path.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts all connections, by a normal close or a reset. */
  cut(how: "closed" | "reset"): void {
    for (const socket of this.#sockets) {
      if (how === "closed") socket.end();
      else socket.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await closed.promise;
  }
}
