import { type Heard, HostileServer } from "./hostile_server.ts";

/** The endpoints of a server, by path. */
export type EndpointName = "device" | "token" | "revoke" | "userinfo";

/** An answer of an endpoint: 200 and JSON unless said otherwise. */
export interface Scripted {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** What an endpoint answers to the fields of a form. */
export type Script = (form: URLSearchParams, heard: Heard) => Scripted;

/** An answer of the token endpoint that refuses (RFC 6749, section 5.2). */
export function refusal(error: string, error_description?: string): Scripted {
  return { status: 400, body: { error, error_description } };
}

/**
 * An OAuth server whose every answer a test chooses. It checks nothing: what has
 * to hold of a request is for the embedded service and the real servers to say.
 */
export class ScriptedOAuth implements AsyncDisposable {
  readonly #server: HostileServer;
  readonly issuer: string;
  /** Changed by tests between two requests. */
  readonly scripts: Record<EndpointName, Script>;
  /** Fields that replace those of the metadata. */
  metadata: Record<string, unknown> = {};

  constructor(scripts: Partial<Record<EndpointName, Script>> = {}) {
    const missing = (): Scripted => ({ status: 404, body: {} });
    this.scripts = {
      device: scripts.device ?? (() => ({ body: deviceAnswer(this.issuer) })),
      token: scripts.token ?? missing,
      revoke: scripts.revoke ?? missing,
      userinfo: scripts.userinfo ??
        (() => ({ body: { sub: "1", preferred_username: "ada" } })),
    };
    this.#server = new HostileServer((heard) => this.#answer(heard));
    this.issuer = this.#server.url;
  }

  /** The requests to an endpoint, as the fields of their forms. */
  formsTo(name: EndpointName): URLSearchParams[] {
    return this.#server.heard.filter(({ target }) => target === `/${name}`)
      .map(({ body }) => new URLSearchParams(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #answer(heard: Heard): string {
    const { pathname } = new URL(heard.target, this.issuer);
    if (pathname.startsWith("/.well-known/")) {
      return http({ body: { ...metadataOf(this.issuer), ...this.metadata } });
    }
    const script = new Map(Object.entries(this.scripts)).get(pathname.slice(1));
    return http(
      script?.(new URLSearchParams(heard.body), heard) ?? { status: 404 },
    );
  }
}

function metadataOf(issuer: string): Record<string, unknown> {
  return {
    issuer,
    device_authorization_endpoint: `${issuer}/device`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    userinfo_endpoint: `${issuer}/userinfo`,
    scopes_supported: ["openid", "offline_access"],
  };
}

/** A device code that nobody can approve but by a script (RFC 8628, section 3.2). */
export function deviceAnswer(issuer: string): Record<string, unknown> {
  return {
    device_code: "a-device-code-of-a-test",
    user_code: "ABCD-EFGH",
    verification_uri: `${issuer}/page`,
    expires_in: 600,
    interval: 1,
  };
}

function http({ status = 200, body = "", headers = {} }: Scripted): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const lines = Object.entries({
    "Content-Type": "application/json",
    "Content-Length": String(new TextEncoder().encode(text).length),
    Connection: "close",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Said\r\n${lines.join("")}\r\n${text}`;
}
