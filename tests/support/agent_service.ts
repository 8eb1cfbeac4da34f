/** A request that the test service received. */
export interface AskedAgentService {
  method: string;
  /** The path and the query. */
  target: string;
  /** The Authorization header, including `Bearer `. */
  authorization: string | null;
  body: string;
}

/** The prefix of {@linkcode AgentService}'s session tokens. */
export const SESSION = "nano_session_";
/** The access token that it returns. */
export const ACCESS_TOKEN = "gho_of_the_provider";

/**
 * A service on 127.0.0.1 with the agents' part of the nanoservices API. It accepts
 * every identity and records all requests. Only its latest session and the tokens
 * in `tokens` are valid.
 */
export class AgentService implements AsyncDisposable {
  readonly url: string;
  /** All requests so far. */
  readonly asked: AskedAgentService[] = [];
  /** Agent tokens that it accepts besides its sessions. */
  readonly tokens = new Set<string>();
  /** How often an identity was exchanged. */
  exchanges = 0;
  /** The answer to every exchange instead of a session. */
  refusal: (() => Response) | undefined;
  /** Awaited before answering anything but an exchange. */
  gate: (() => Promise<void> | void) | undefined;
  /** Called for each refused token. */
  onRefused: (() => Promise<void>) | undefined;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #session: string | undefined;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The bodies of the exchanges so far. */
  get proofs(): unknown[] {
    return this.asked.filter(({ target }) => target.startsWith("/v1/agents/"))
      .map(({ body }) => JSON.parse(body));
  }

  /** Invalidates the session: the next request with it gets a 401. */
  forget(): void {
    this.#session = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    this.asked.push({
      method: request.method,
      target: pathname + search,
      authorization,
      body: await request.text(),
    });
    if (/^\/v1\/agents\/\w+-instance-identity$/.test(pathname)) {
      return this.#exchange();
    }
    await this.gate?.();
    const token = authorization?.replace(/^Bearer /, "") ?? "";
    if (token !== this.#session && !this.tokens.has(token)) {
      await this.onRefused?.();
      return Response.json({ code: "token_expired" }, { status: 401 });
    }
    switch (pathname) {
      case "/v1/external-auth":
        return Response.json({
          providers: [{ id: "github", name: "GitHub", authenticated: true }],
        });
      case "/v1/external-auth/token":
        return Response.json({
          access_token: ACCESS_TOKEN,
          token_type: "bearer",
          expires_at: null,
          extra: {},
        });
      default:
        return Response.json({ reached: pathname });
    }
  }

  #exchange(): Response {
    this.exchanges++;
    if (this.refusal) return this.refusal();
    this.#session = `${SESSION}${this.exchanges}`;
    return Response.json({ session_token: this.#session, expires_at: null });
  }
}
