import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** The only user of these servers. */
export const ADA = { username: "ada", email: "ada@example.com" } as const;

/** How long the server's grants last, in seconds. */
export interface OidcOptions {
  /** An access token; an hour if not given. */
  accessTokenSeconds?: number;
  /** A refresh token; a day if not given. */
  refreshTokenSeconds?: number;
  /** A device code; ten minutes if not given. */
  deviceCodeSeconds?: number;
}

/** A confidential client, which authenticates with `client_secret_basic`. */
export interface ConfidentialClient {
  id: string;
  secret: string;
}

/** A running `oidc-provider` on 127.0.0.1. */
export interface OidcServer extends AsyncDisposable {
  /** Its issuer; the metadata is at `<issuer>/.well-known/openid-configuration`. */
  readonly issuer: string;
  /** A public client for the device flow. */
  readonly clientId: string;
  /** A confidential client for the device flow and for client credentials. */
  readonly machine: ConfidentialClient;
  /** How often a rotated refresh token came back, which revokes its whole family. */
  readonly reuses: number;
  /** Signs in as Ada and allows the device with this user code. */
  approve(userCode: string): Promise<void>;
  /** Denies the device with this user code. */
  deny(userCode: string): Promise<void>;
  /** Whether an access token or a refresh token is still good. */
  introspect(token: string): Promise<boolean>;
  /** Stops the server; nothing of it remains. */
  close(): Promise<void>;
}

/** Starts `oidc-provider` in this process, with everything in memory. */
export async function startOidcProvider(
  options: OidcOptions = {},
): Promise<OidcServer> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  try {
    const provider = await makeProvider(issuer, options);
    return new RunningProvider(issuer, server, provider);
  } catch (error) {
    await stop(server);
    throw error;
  }
}

/** A private RS256 key, as a JWK. Every OpenID Connect client supports RS256. */
export async function makeSigningKey(): Promise<JsonWebKey> {
  const { privateKey } = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const { key_ops: _, ext: __, ...key } = await crypto.subtle.exportKey(
    "jwk",
    privateKey,
  );
  return Object.assign(key, { kid: "test", use: "sig" });
}

/** Sends requests to one server as a browser does, with its cookies. */
export class CookieSession {
  readonly #cookies = new Map<string, string>();

  /** Sends one request; a redirect is an answer like any other. */
  async send(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#cookies.size > 0) {
      const pairs = [...this.#cookies].map((pair) => pair.join("="));
      headers.set("cookie", pairs.join("; "));
    }
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    return response;
  }

  /** Sends a request, follows its redirects, and gives the text of the last page. */
  async open(url: string | URL, init: RequestInit = {}): Promise<string> {
    let at = new URL(url);
    let response = await this.send(at, init);
    for (let steps = 0; steps < 20; steps++) {
      const text = await response.text();
      const next = response.headers.get("location");
      if (!next) {
        if (response.ok) return text;
        throw new Error(`${at.pathname} answered ${response.status}: ${text}`);
      }
      at = new URL(next, at);
      response = await this.send(at);
    }
    await response.body?.cancel();
    throw new Error(`too many redirects, the last to ${at.pathname}`);
  }

  #keep(cookie: string): void {
    const [pair = ""] = cookie.split(";", 1);
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).trim();
    const value = pair.slice(equals + 1).trim();
    // A server deletes a cookie by giving it an empty value.
    if (value === "") this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

const CLIENT_ID = "nanoctl";
/** Its secret has what a form sends as it is, and nothing of what is stored in the open. */
const MACHINE: ConfidentialClient = {
  id: "machine",
  secret: "kept-by_the.robot-alone",
};
const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const INTERACTION = "/interaction/";
const APPROVED = "The device is allowed.";

/** What these tests use of the library, which has no types. */
interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => unknown;
  on(event: string, listener: (...args: unknown[]) => void): void;
  interactionDetails(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Interaction>;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: Record<string, unknown>,
  ): Promise<void>;
  Grant: new (owner: { accountId: string; clientId: string }) => Grant;
}

type ProviderConstructor = new (
  issuer: string,
  settings: Record<string, unknown>,
) => Provider;

interface Grant {
  addOIDCScope(scope: string): void;
  save(): Promise<string>;
}

interface Interaction {
  prompt: { name: string; details: { missingOIDCScope?: string[] } };
  params: { client_id: string };
}

/** A page's context and its form. */
interface PageContext {
  body: unknown;
  type: string;
}

class RunningProvider implements OidcServer {
  readonly issuer: string;
  readonly clientId = CLIENT_ID;
  readonly machine = MACHINE;
  readonly #server: Server;
  readonly #provider: Provider;
  #reuses = 0;

  constructor(issuer: string, server: Server, provider: Provider) {
    this.issuer = issuer;
    this.#server = server;
    this.#provider = provider;
    provider.on("grant.error", (_context, error) => {
      if (detailOf(error) === "refresh token already used") this.#reuses++;
    });
    const answer = provider.callback();
    server.on("request", (request, response) => {
      if (request.url?.startsWith(INTERACTION)) {
        void this.#interact(request, response);
      } else answer(request, response);
    });
  }

  get reuses(): number {
    return this.#reuses;
  }

  async approve(userCode: string): Promise<void> {
    const page = await this.#decide(userCode, { confirm: "yes" });
    if (page !== APPROVED) throw new Error(`not approved: ${page}`);
  }

  async deny(userCode: string): Promise<void> {
    const page = await this.#decide(userCode, { abort: "yes" });
    if (!page.includes("aborted")) throw new Error(`not denied: ${page}`);
  }

  async introspect(token: string): Promise<boolean> {
    const { id, secret } = this.machine;
    const response = await fetch(`${this.issuer}/token/introspection`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
      body: new URLSearchParams({ token }),
    });
    const answer: { active?: unknown } = await response.json();
    if (typeof answer.active === "boolean") return answer.active;
    throw new Error(`no introspection: ${JSON.stringify(answer)}`);
  }

  async close(): Promise<void> {
    await stop(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Types the user code into the server's form, then presses a button of the next. */
  async #decide(
    userCode: string,
    button: Record<string, string>,
  ): Promise<string> {
    const url = `${this.issuer}/device`;
    const session = new CookieSession();
    const page = await session.open(url);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1];
    if (!xsrf) throw new Error(`no form: ${page}`);
    const form = { xsrf, user_code: userCode };
    const confirmation = await session.open(url, post(form));
    if (!confirmation.includes(`name="confirm"`)) {
      throw new Error(`the user code was refused: ${confirmation}`);
    }
    return await session.open(url, post({ ...form, ...button }));
  }

  /** Signs in as Ada and grants everything, as she would. */
  async #interact(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const provider = this.#provider;
    try {
      const interaction = await provider.interactionDetails(request, response);
      const { prompt, params } = interaction;
      const accountId = ADA.username;
      if (prompt.name === "login") {
        const login = { login: { accountId } };
        return await provider.interactionFinished(request, response, login);
      }
      const clientId = params.client_id;
      const grant = new provider.Grant({ accountId, clientId });
      const scopes = prompt.details.missingOIDCScope ?? [];
      grant.addOIDCScope(scopes.join(" "));
      const consent = { consent: { grantId: await grant.save() } };
      await provider.interactionFinished(request, response, consent);
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  }
}

function post(form: Record<string, string>): RequestInit {
  return { method: "POST", body: new URLSearchParams(form) };
}

function detailOf(error: unknown): unknown {
  if (typeof error !== "object" || error === null) return undefined;
  return "error_detail" in error ? error.error_detail : undefined;
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

async function makeProvider(
  issuer: string,
  options: OidcOptions,
): Promise<Provider> {
  // The main module only adds a warning that this isn't Node.js, and a provider
  // without an adapter warns that its memory doesn't last.
  const main: unknown = await import("oidc-provider/lib/provider.js");
  const memory: unknown = await import(
    "oidc-provider/lib/adapters/memory_adapter.js"
  );
  const { Provider } = main as { Provider: ProviderConstructor };
  const { createMemoryAdapter } = memory as {
    createMemoryAdapter: () => unknown;
  };
  return new Provider(issuer, {
    ...SETTINGS,
    adapter: createMemoryAdapter(),
    jwks: { keys: [await makeSigningKey()] },
    ttl: {
      ...SETTINGS.ttl,
      AccessToken: options.accessTokenSeconds ?? 3600,
      RefreshToken: options.refreshTokenSeconds ?? 86_400,
      DeviceCode: options.deviceCodeSeconds ?? 600,
    },
  });
}

const SETTINGS = {
  clients: [
    {
      client_id: CLIENT_ID,
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: [DEVICE_CODE, "refresh_token"],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: MACHINE.id,
      client_secret: MACHINE.secret,
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: [DEVICE_CODE, "refresh_token", "client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  scopes: ["openid", "offline_access", "email", "profile"],
  claims: {
    openid: ["sub"],
    email: ["email"],
    profile: ["preferred_username"],
  },
  cookies: { keys: ["a key that signs only a test's cookies"] },
  ttl: {
    ClientCredentials: 3600,
    Grant: 86_400,
    IdToken: 3600,
    Interaction: 3600,
    Session: 3600,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    userinfo: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: {
      enabled: true,
      allowedPolicy: (
        _context: unknown,
        client: { clientId: string },
        token: { clientId: string },
      ) => client.clientId === token.clientId,
    },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: show,
      userCodeConfirmSource: show,
      successSource: (context: PageContext) => show(context, APPROVED),
    },
  },
  interactions: {
    url: (_context: unknown, { uid }: { uid: string }) => INTERACTION + uid,
  },
  renderError: (context: PageContext, out: unknown) =>
    show(context, JSON.stringify(out)),
  findAccount: (_context: unknown, accountId: string) => ({
    accountId,
    claims: () => ({
      sub: accountId,
      preferred_username: ADA.username,
      email: ADA.email,
    }),
  }),
  rotateRefreshToken: true,
  issueRefreshToken: (
    _context: unknown,
    client: { grantTypeAllowed(type: string): boolean },
    code: { scopes: Set<string> },
  ) =>
    client.grantTypeAllowed("refresh_token") &&
    code.scopes.has("offline_access"),
};

/** Shows a form, or why the last one failed. */
function show(
  context: PageContext,
  form: string,
  _out?: unknown,
  error?: unknown,
): void {
  context.type = "html";
  context.body = error instanceof Error ? error.message : form;
}
