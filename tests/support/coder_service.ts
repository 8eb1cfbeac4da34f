import { assertEquals } from "@std/assert";
import { AZURE_SIGNATURE, type Cloud, INSTANCE } from "./metadata_services.ts";

/** A request that the stand-in received. */
export interface CoderRequest {
  method: string;
  path: string;
  /** The query as sent, including its question mark; empty if there is none. */
  query: string;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
}

/** A user's API key. */
export interface CoderKey {
  /** The first part of the token, with which the key can be looked up. */
  id: string;
  /** The user's token: the id, a dash, and a secret. */
  token: string;
  username: string;
  /** When it expires; undefined is Go's zero time, for never. */
  expiresAt: Date | undefined;
  /** Whether it can be read at `/users/me/keys/<id>`. */
  readable: boolean;
}

/** A workspace's agent. */
export interface CoderAgent {
  /** The agent's token: a version 4 UUID. */
  token: string;
  /** The cloud instance IDs of its machine. */
  instances: string[];
  /** Its name in its workspace. */
  name: string;
}

/** An external provider, and its owner's link to it. */
export interface CoderProvider {
  id: string;
  type: string;
  displayName: string;
  /** The git URLs that it serves. */
  regex?: RegExp;
  /** What the agent gets; undefined while not connected. */
  link?: {
    accessToken: string;
    /** Null if the provider sent nothing else. */
    extra?: Record<string, unknown> | null;
    /** As on the wire; omitted if undefined. */
    expiresAt?: string;
  } | undefined;
}

/** What a path answers instead of its normal response. */
export interface CoderFault {
  /** The end of the path. */
  path: string;
  status: number;
  message?: string;
  detail?: string;
  headers?: Record<string, string>;
  /** The body as on the wire, instead of Coder's own format. */
  body?: string;
  /** How often; for ever if omitted. */
  times?: number;
}

/** The API's error format (codersdk.Response). */
interface CoderError {
  message: string;
  detail?: string;
  validations?: { field: string; detail: string }[];
}

const SIGNED_OUT =
  "You are signed out or your session has expired. Please sign in again to continue.";
const NOT_FOUND: CoderError = {
  message: "Resource not found or you do not have access to this resource",
};
/** Go's zero time. */
const NO_TIME = "0001-01-01T00:00:00Z";
const LETTERS =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UUID_4 =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The exchange routes and their required fields. */
const IDENTITY_FIELDS: Record<Cloud, readonly string[]> = {
  aws: ["signature", "document"],
  azure: ["signature", "encoding"],
  google: ["json_web_token"],
};

/**
 * A stand-in for a Coder deployment on 127.0.0.1, based on its API reference
 * (version 2): the routes that nanoctl uses, with statuses, texts and headers. It
 * records all requests.
 *
 * It does not verify the clouds' signatures, only the format of the proofs.
 */
export class CoderService implements AsyncDisposable {
  readonly url: string;
  /** All requests so far. */
  readonly requests: CoderRequest[] = [];
  readonly keys: CoderKey[] = [];
  readonly agents: CoderAgent[] = [];
  readonly providers: CoderProvider[] = [];
  /** The faults to inject; the first match applies. */
  readonly faults: CoderFault[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();
  #connected = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#handle(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Creates an API key, by default for ada and without expiry. */
  addKey(wish: Partial<Omit<CoderKey, "id" | "token">> = {}): CoderKey {
    const id = randomText(10);
    const key: CoderKey = {
      id,
      token: `${id}-${randomText(22)}`,
      username: "ada",
      expiresAt: undefined,
      readable: true,
      ...wish,
    };
    this.keys.push(key);
    return key;
  }

  /** Creates an agent, by default without cloud instances. */
  addAgent(...clouds: Cloud[]): CoderAgent {
    const instances = clouds.map((cloud) => INSTANCE[cloud]);
    const name = `agent-${this.agents.length + 1}`;
    const agent = { token: crypto.randomUUID(), instances, name };
    this.agents.push(agent);
    return agent;
  }

  /** Replaces an agent's token, as a new workspace build does. The old one becomes invalid. */
  rotate(agent: CoderAgent): string {
    return agent.token = crypto.randomUUID();
  }

  /** Adds a provider, or changes the one with this id, and notifies its listeners. */
  setProvider(provider: CoderProvider): void {
    const at = this.providers.findIndex(({ id }) => id === provider.id);
    this.providers.splice(at < 0 ? this.providers.length : at, 1, provider);
    this.#connected.resolve();
    this.#connected = Promise.withResolvers();
  }

  /** How many identity exchanges there were, including failed ones. */
  get exchanges(): number {
    return this.requests.filter(({ path }) =>
      path.endsWith("-instance-identity")
    ).length;
  }

  /** The requests so far, as `METHOD path`. */
  get paths(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  /** Clears the recorded requests. */
  forget(): void {
    this.requests.length = 0;
  }

  /** Asserts that a secret was sent only in `Coder-Session-Token`; returns how often. */
  assertPresentedOnly(secret: string): number {
    let times = 0;
    for (const { path, query, headers, body } of this.requests) {
      const { "coder-session-token": token, ...others } = headers;
      if (token === secret) times++;
      const rest = [path, decodeURIComponent(query), body];
      for (const text of [...rest, ...Object.values(others)]) {
        assertEquals(text.includes(secret), false, `${path} has the secret`);
      }
    }
    return times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#connected.resolve();
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    const seen: CoderRequest = {
      method: request.method,
      path: pathname,
      query: search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    };
    this.requests.push(seen);
    return this.#faulty(pathname) ?? await this.#route(seen, searchParams);
  }

  #faulty(path: string): Response | undefined {
    const fault = this.faults.find((fault) => path.endsWith(fault.path));
    if (!fault) return undefined;
    if (fault.times !== undefined && --fault.times <= 0) {
      this.faults.splice(this.faults.indexOf(fault), 1);
    }
    const { status, headers = {}, body } = fault;
    if (body !== undefined) return new Response(body, { status, headers });
    const said = usualError(status);
    return answer(status, {
      ...said,
      ...(fault.message === undefined ? {} : { message: fault.message }),
      ...(fault.detail === undefined ? {} : { detail: fault.detail }),
    }, { ...rateHeaders(status), ...headers });
  }

  async #route(
    request: CoderRequest,
    query: URLSearchParams,
  ): Promise<Response> {
    const route = `${request.method} ${request.path}`;
    const [, cloud] =
      /^POST \/api\/v2\/workspaceagents\/(aws|azure|google)-instance-identity$/
        .exec(route) ?? [];
    if (cloud === "aws" || cloud === "azure" || cloud === "google") {
      return this.#exchange(cloud, request.body);
    }
    const [, keyId] = /^GET \/api\/v2\/users\/me\/keys\/([^/]+)$/.exec(route) ??
      [];
    if (keyId !== undefined) {
      return this.#asUser(request, () => this.#key(keyId));
    }
    switch (route) {
      case "GET /api/v2/buildinfo":
        return answer(200, { external_url: this.url, version: VERSION });
      case "GET /api/v2/users/me":
        return this.#asUser(request, user);
      case "POST /api/v2/users/logout":
        return this.#asUser(request, (key) => this.#logout(key));
      case "GET /api/v2/external-auth":
        return this.#asUser(request, () => this.#list());
      case "GET /api/v2/workspaceagents/me/external-auth":
        return await this.#asAgent(request, () => this.#externalAuth(query));
      default:
        return answer(404, { message: "Route not found." });
    }
  }

  #asUser(
    { headers }: CoderRequest,
    work: (key: CoderKey) => Response,
  ): Response {
    const refused = (detail: string): Response =>
      answer(401, { message: SIGNED_OUT, detail });
    const token = headers["coder-session-token"] ?? "";
    if (token === "") {
      return refused(
        'Cookie "coder_session_token" or query parameter must be provided.',
      );
    }
    const fault = keyFault(token);
    if (fault) return refused(`Invalid API key format: ${fault}`);
    const key = this.keys.find(({ id }) => id === token.split("-")[0]);
    if (!key) return refused("API key is invalid.");
    if (key.token !== token) return refused("API key secret is invalid.");
    if (key.expiresAt && key.expiresAt.getTime() < Date.now()) {
      return refused(`API key expired at "${goTime(key.expiresAt)}".`);
    }
    return work(key);
  }

  async #asAgent(
    { headers }: CoderRequest,
    work: (agent: CoderAgent) => Promise<Response>,
  ): Promise<Response> {
    const token = headers["coder-session-token"] ?? "";
    if (token === "") {
      const message = 'Cookie "coder_session_token" must be provided.';
      return answer(401, { message });
    }
    if (!UUID_4.test(token)) {
      return answer(401, {
        message: "Workspace agent token invalid.",
        detail: `An agent token must be a valid UUIDv4. (len ${token.length})`,
      });
    }
    const agent = this.agents.find((agent) => agent.token === token);
    if (!agent) {
      return answer(401, {
        message: "Workspace agent not authorized.",
        detail:
          "The agent cannot authenticate until the workspace provision job has been completed. If the job is no longer running, this agent is invalid.",
      });
    }
    return await work(agent);
  }

  #key(id: string): Response {
    const key = this.keys.find((key) => key.id === id && key.readable);
    if (!key) return answer(404, NOT_FOUND);
    return answer(200, {
      id,
      user_id: USER_ID,
      last_used: "2026-01-15T12:00:00.123456Z",
      expires_at: key.expiresAt?.toISOString() ?? NO_TIME,
      created_at: "2026-01-01T12:00:00.123456Z",
      updated_at: "2026-01-01T12:00:00.123456Z",
      login_type: "token",
      scope: "all",
      token_name: "laptop",
      lifetime_seconds: 2_592_000,
    });
  }

  #logout(key: CoderKey): Response {
    this.keys.splice(this.keys.indexOf(key), 1);
    return answer(200, { message: "Logged out!" }, {
      "set-cookie": "coder_session_token=; Path=/; Max-Age=0",
    });
  }

  #list(): Response {
    return answer(200, {
      providers: this.providers.map(({ id, type, displayName }) => ({
        id,
        type,
        device: false,
        display_name: displayName,
        display_icon: `/icon/${type}.svg`,
        allow_refresh: true,
        allow_validate: true,
      })),
      links: this.providers.filter(({ link }) => link).map(({ id, link }) => ({
        provider_id: id,
        created_at: "2026-01-01T12:00:00.123456Z",
        updated_at: "2026-01-01T12:00:00.123456Z",
        has_refresh_token: false,
        expires: link?.expiresAt ?? NO_TIME,
        authenticated: true,
        validate_error: "",
      })),
    });
  }

  async #externalAuth(query: URLSearchParams): Promise<Response> {
    const id = query.get("id") ?? "";
    const match = query.get("match") ?? "";
    if (id === "" && match === "") {
      return answer(400, { message: "'url' or 'id' must be provided!" });
    }
    if (id !== "" && match !== "") {
      const message = "'url' and 'id' cannot be provided together!";
      return answer(400, { message });
    }
    const find = (): CoderProvider | undefined =>
      this.providers.find((provider) =>
        id === "" ? provider.regex?.test(match) : provider.id === id
      );
    let provider = find();
    while (
      provider && !provider.link && query.has("listen") &&
      !this.#closing.signal.aborted
    ) {
      await this.#connected.promise;
      provider = find();
    }
    if (!provider) {
      return answer(404, {
        message:
          `No matching external auth provider found in Coder for the url "${match}".`,
        detail: "External auth provider not found.",
      });
    }
    const { link, type } = provider;
    const isGitLab = type === "gitlab";
    return answer(200, {
      access_token: link?.accessToken ?? "",
      token_extra: link?.extra ?? null,
      url: link ? "" : `${this.url}/external-auth/${provider.id}`,
      type: link ? type : "",
      ...(link?.expiresAt === undefined ? {} : { expires_at: link.expiresAt }),
      username: link ? isGitLab ? "oauth2" : link.accessToken : "",
      password: link && isGitLab ? link.accessToken : "",
    });
  }

  #exchange(cloud: Cloud, text: string): Response {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (error) {
      const detail = error instanceof Error ? error.message : "";
      const message = "Request body must be valid JSON.";
      return answer(400, { message, detail });
    }
    const fields = new Map(Object.entries(body ?? {}));
    const validations = IDENTITY_FIELDS[cloud]
      .filter((field) => !isText(fields.get(field)))
      .map((field) => ({
        field,
        detail: 'Validation failed for tag "required" with value: ""',
      }));
    if (validations.length > 0) {
      return answer(400, { message: "Validation failed.", validations });
    }
    const instance = instanceOf(cloud, fields);
    if (instance === undefined) {
      const name = { aws: "AWS", azure: "Azure", google: "GCP" }[cloud];
      const message = `Invalid ${name} identity.`;
      return answer(401, { message, detail: "verify signature: no match" });
    }
    const agents = this.agents.filter(({ instances }) =>
      instances.includes(instance)
    );
    if (agents.length === 0) {
      const message = `Instance with id "${instance}" not found.`;
      return answer(404, { message });
    }
    const wanted = String(fields.get("agent_name") ?? "").trim();
    if (wanted === "" && agents.length > 1) {
      const names = agents.map(({ name }) => name).sort().join(", ");
      return answer(409, {
        message:
          `Multiple agents found with instance ID "${instance}". Set CODER_AGENT_NAME to one of: ${names}`,
      });
    }
    const agent = agents.find(({ name }) => wanted === "" || name === wanted);
    if (!agent) {
      const message =
        `No agent found with instance ID "${instance}" and name "${wanted}".`;
      return answer(404, { message });
    }
    return answer(200, { session_token: agent.token });
  }
}

const VERSION = "v2.24.1+ba3b835";
const USER_ID = "a169451c-8525-4352-b8ca-070dd449a1a5";

/** An API answer: JSON with a trailing line break. */
function answer(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "x-coder-build-version": VERSION,
      ...headers,
    },
  });
}

/** The usual error for a status. */
function usualError(status: number): CoderError {
  switch (status) {
    case 401:
      return { message: SIGNED_OUT, detail: "API key is invalid." };
    case 403:
      return {
        message: "Forbidden.",
        detail:
          "You don't have permission to view this content. If you believe this is a mistake, please contact your administrator or try signing in with different credentials.",
      };
    case 404:
      return NOT_FOUND;
    case 429:
      return {
        message: "You've been rate limited for sending too many requests!",
      };
    case 500:
      return {
        message: "An internal server error occurred.",
        detail: "pq: sorry, too many clients already",
      };
    default:
      return { message: `Failed with ${status}.` };
  }
}

function rateHeaders(status: number): Record<string, string> {
  return status === 429
    ? {
      "retry-after": "60",
      "x-ratelimit-limit": "512",
      "x-ratelimit-remaining": "0",
    }
    : {};
}

function user({ username }: CoderKey): Response {
  return answer(200, {
    id: USER_ID,
    username,
    name: "",
    email: `${username}@example.com`,
    avatar_url: "",
    created_at: "2025-01-01T12:00:00.123456Z",
    updated_at: "2025-01-01T12:00:00.123456Z",
    last_seen_at: "2026-01-15T12:00:00.123456Z",
    status: "active",
    login_type: "password",
    theme_preference: "",
    organization_ids: ["7c60d51f-b44e-4682-87d6-449835ea4de6"],
    roles: [],
  });
}

/** What is wrong with an API key's format; undefined if nothing is. */
function keyFault(token: string): string | undefined {
  const parts = token.split("-");
  if (parts.length !== 2) {
    return `incorrect amount of API key parts, expected 2 got ${parts.length}`;
  }
  const [id = "", secret = ""] = parts;
  if (id.length !== 10) {
    return `invalid API key ID length, expected 10 got ${id.length}`;
  }
  if (secret.length !== 22) {
    return `invalid API key secret length, expected 22 got ${secret.length}`;
  }
  return undefined;
}

/** The instance ID in a proof; undefined for an invalid proof. */
function instanceOf(
  cloud: Cloud,
  fields: Map<string, unknown>,
): string | undefined {
  const text = (field: string): string => `${fields.get(field) ?? ""}`;
  switch (cloud) {
    case "aws":
      return isBase64(text("signature"))
        ? textAt(parsed(text("document")), "instanceId")
        : undefined;
    case "azure":
      return text("signature") === AZURE_SIGNATURE &&
          text("encoding") === "pkcs7"
        ? INSTANCE.azure
        : undefined;
    case "google":
      return textAt(
        claimsOf(text("json_web_token")),
        "google",
        "compute_engine",
        "instance_id",
      );
  }
}

function claimsOf(token: string): unknown {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const payload = (parts[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  return isBase64(payload) ? parsed(atob(payload)) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textAt(value: unknown, ...names: string[]): string | undefined {
  let at = value;
  for (const name of names) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Object.getOwnPropertyDescriptor(at, name)?.value;
  }
  return isText(at) ? at : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isBase64(text: string): boolean {
  try {
    return atob(text).length > 0;
  } catch {
    return false;
  }
}

/** A date in Go's format. */
function goTime(date: Date): string {
  return date.toISOString().replace("T", " ").replace(/\.\d+Z$/, " +0000 UTC");
}

function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("");
}
