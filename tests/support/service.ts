import { assertEquals } from "@std/assert";
import { type Child, Home, type Result, run, start } from "./nanoctl.ts";

/** The settings of a new token; see src/dev_server/admin_routes.ts. */
export interface TokenWish {
  state?: string;
  username?: string;
  email?: string;
  agent?: string;
  wire?: "nanoservices" | "coder";
  expires_in?: number;
  expires_at?: string | null;
  scopes?: string[];
  retry_after?: number;
  delay?: number;
  fail_times?: number;
}

/** A token that the service knows. */
export interface Minted {
  token: string;
  id: string;
}

/** A request that the service received. */
export interface SeenRequest {
  method: string;
  path: string;
  status: number | null;
  user_agent: string | null;
}

/** The embedded service, run by the program under test as a child process. */
export class Service {
  readonly #child: Child;
  readonly url: string;
  /** Its initial token, for the user ada. */
  readonly token: string;
  /** The token of an agent of ada's. */
  readonly agentToken: string;
  /** A token of ada's in Coder's format. */
  readonly coderToken: string;
  /** A token of the agent's in Coder's format. */
  readonly coderAgentToken: string;

  private constructor(child: Child, said: Record<string, string>) {
    this.#child = child;
    this.url = said.url ?? "";
    this.token = said.token ?? "";
    this.agentToken = said.agent_token ?? "";
    this.coderToken = said.coder_token ?? "";
    this.coderAgentToken = said.coder_agent_token ?? "";
  }

  /** Starts it on a free port of 127.0.0.1, with these options too. */
  static async start(...args: string[]): Promise<Service> {
    const child = start(["dev-server", "--port", "0", "--json", ...args]);
    child.keepRunning();
    return new Service(child, JSON.parse(await child.firstLine));
  }

  /** Stops it. */
  async stop(): Promise<void> {
    this.#child.kill("SIGINT");
    assertEquals((await this.#child.end()).code, 130);
  }

  /** The variables that point to this service. */
  get env(): Record<string, string> {
    return { NANOSERVICES_URL: this.url };
  }

  /** Creates a token, by default valid for 30 days. */
  async mint(wish: TokenWish = {}): Promise<Minted> {
    return await this.#admin("POST", "/dev/tokens", wish);
  }

  /** Changes a token's state and settings. */
  async change(id: string, wish: TokenWish): Promise<void> {
    await this.#admin("PATCH", `/dev/tokens/${id}`, wish);
  }

  /** A token's state. */
  async stateOf(id: string): Promise<string> {
    return (await this.#admin<{ state: string }>("GET", `/dev/tokens/${id}`))
      .state;
  }

  /** How many requests used a token. */
  async requestsWith(id: string): Promise<number> {
    const path = `/dev/tokens/${id}`;
    return (await this.#admin<{ requests: number }>("GET", path)).requests;
  }

  /** The requests that arrive while this runs. */
  async requestsDuring(act: () => Promise<unknown>): Promise<SeenRequest[]> {
    await this.#admin("DELETE", "/dev/requests");
    await act();
    type Seen = { requests: SeenRequest[] };
    return (await this.#admin<Seen>("GET", "/dev/requests")).requests;
  }

  /** Runs the program against this service. */
  run(
    args: string[],
    home: Home | undefined,
    env?: Record<string, string>,
    stdin?: string | Uint8Array,
  ): Promise<Result> {
    return run(args, {
      home,
      env: { ...this.env, ...env },
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  /** Stores the initial token in a home, with these variables; may fail. */
  save(
    home: Home,
    env: Record<string, string> = {},
    ...args: string[]
  ): Promise<Result> {
    const login = ["login", "--token-stdin", "--save", ...args];
    return this.run(login, home, env, this.token);
  }

  /** A new home where the initial token is stored, with these variables. */
  async homeWith(
    env: Record<string, string> = {},
    ...args: string[]
  ): Promise<Home> {
    const home = new Home();
    const { code, stderr } = await this.save(home, env, ...args);
    assertEquals(code, 0, stderr);
    return home;
  }

  /** Stores a token in this home with `login`, as a user would. */
  async logIn(home: Home, token: string, ...args: string[]): Promise<void> {
    const result = await this.run(
      ["login", "--token-stdin", "--save", ...args],
      home,
      {},
      token,
    );
    assertEquals(result.code, 0, result.stderr);
  }

  async #admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
    return JSON.parse(text || "null");
  }
}
