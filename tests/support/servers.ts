import type { Identity } from "./certificates.ts";

/** A request that a server of a test saw. */
export interface Caught {
  method: string;
  url: URL;
  headers: Headers;
}

/** A server of a test's own on 127.0.0.1, for what the embedded service would never do. */
export class StrangeServer {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly url: string;
  /** All requests so far. */
  readonly caught: Caught[] = [];

  constructor(answer: (request: Caught) => Response, identity?: Identity) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...identity },
      ({ method, url, headers }) => {
        // The runtime's own can't be read any more when the request is over.
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

/** A server of bytes: it reads what comes and answers every connection the same way. */
export class ByteServer {
  readonly #listener: Deno.TcpListener;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #ended: Promise<void>;
  readonly url: string;

  /** `undefined` never answers, `""` hangs up at once. */
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
        // It was closed when it had its answer.
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
    // Whoever called has gone.
  }
}

/** A URL of 127.0.0.1 at which nothing listens. */
export function deadUrl(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** The body of a good answer to `GET /v1/me`, with some of it changed. */
export function me(changes: Record<string, unknown> = {}): Response {
  return Response.json({
    username: "mallory",
    email: null,
    token: { id: "1", name: "1", expires_at: null, scopes: [] },
    ...changes,
  });
}
