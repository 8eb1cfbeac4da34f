import type { Identity } from "./certificates.ts";

/** A request that a test server received. */
export interface Caught {
  method: string;
  url: URL;
  headers: Headers;
}

/** A test server on 127.0.0.1, for behaviour that the embedded service doesn't have. */
export class StrangeServer {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly url: string;
  /** All requests so far. */
  readonly caught: Caught[] = [];

  constructor(answer: (request: Caught) => Response, identity?: Identity) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...identity },
      ({ method, url, headers }) => {
        // The runtime's own headers can't be read after the request.
        const kept = new Headers(headers);
        const request = { method, url: new URL(url), headers: kept };
        this.caught.push(request);
        return answer(request);
      },
    );
    const scheme = identity ? "https" : "http";
    this.url = `${scheme}://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A raw TCP server that answers every connection the same way. */
export class ByteServer {
  readonly #listener: Deno.TcpListener;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #ended: Promise<void>;
  readonly url: string;

  /** `undefined` never answers, `""` closes the connection at once. */
  constructor(answer: string | undefined) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#ended = this.#serve(answer);
  }

  async #serve(answer: string | undefined): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.push(connection);
      if (answer !== undefined) await say(connection, answer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // Already closed after its answer.
      }
    }
  }
}

async function say(connection: Deno.TcpConn, answer: string): Promise<void> {
  try {
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(answer));
    connection.close();
  } catch {
    // The client has left.
  }
}

/** A URL on 127.0.0.1 with a closed port. */
export function deadUrl(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** A good answer to `GET /v1/me`, with changes to its body. */
export function me(changes: Record<string, unknown> = {}): Response {
  return Response.json({
    username: "mallory",
    email: null,
    token: { id: "1", name: "1", expires_at: null, scopes: [] },
    ...changes,
  });
}
