import { itNeeding } from "./needs.ts";
import type { Identity } from "./certificates.ts";
import type { Service } from "./service.ts";
import { programs } from "./store_files.ts";

/** A request that came through, or did not. */
export interface Passage {
  path: string;
  /** How the token was presented, in lower case. */
  scheme: string;
  status: number;
}

/**
 * A server for other people's clients. It lets in whom the embedded service knows,
 * by a bearer token, or by a user name with the token as its password.
 */
export class TokenGate implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #service: Service;
  readonly url: string;
  /** All requests for which it asked the service, so far. */
  readonly passages: Passage[] = [];

  /** Starts it on a free port of 127.0.0.1; with an identity, over TLS. */
  constructor(service: Service, identity?: Identity) {
    this.#service = service;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...identity },
      (request) => this.#answer(request),
    );
    const scheme = identity ? "https" : "http";
    this.url = `${scheme}://127.0.0.1:${this.#server.addr.port}`;
  }

  async #answer({ url, headers }: Request): Promise<Response> {
    const { pathname: path } = new URL(url);
    const authorization = headers.get("authorization") ?? "";
    // So that one can log in with nanoctl here too.
    if (path === "/v1/me") return await this.#me(authorization);
    const [scheme = "", given = ""] = authorization.split(" ");
    const [name, token] = scheme === "Basic"
      ? atob(given).split(":")
      : [undefined, given];
    const me = await this.#me(`Bearer ${token}`);
    const body: { username?: string } = await me.json();
    const isKnown = me.ok && (name === undefined || name === body.username);
    const status = isKnown ? 200 : 401;
    this.passages.push({ path, scheme: scheme.toLowerCase(), status });
    return Response.json(
      isKnown ? { username: body.username, gitVersion: "v1.32.0" } : {},
      { status },
    );
  }

  async #me(authorization: string): Promise<Response> {
    return await fetch(`${this.#service.url}/v1/me`, {
      headers: { authorization },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/**
 * A test with other people's programs. Without them it is skipped, and says so in
 * its name; in CI it fails.
 */
export function itWithPrograms(
  names: string[],
  name: string,
  fn: () => Promise<void>,
): void {
  itNeeding(programs(...names)(), name, fn);
}
