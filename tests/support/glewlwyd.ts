import { join } from "@std/path";
import { exists } from "../../scripts/process.ts";
import { killHard, until } from "./nanoctl.ts";
import {
  ADA,
  type ConfidentialClient,
  CookieSession,
  makeSigningKey,
} from "./oidc_provider.ts";
import { deadUrl } from "./servers.ts";

/** How long the server's grants last, in seconds. */
export interface GlewlwydOptions {
  /** An access token; an hour if not given. */
  accessTokenSeconds?: number;
  /** A device code; ten minutes if not given. */
  deviceCodeSeconds?: number;
}

/** A running Glewlwyd on 127.0.0.1. */
export interface GlewlwydServer extends AsyncDisposable {
  /** Its issuer; the metadata is at `<issuer>/.well-known/openid-configuration`. */
  readonly issuer: string;
  /** A public client for the device flow. Glewlwyd lets no public client revoke tokens. */
  readonly clientId: string;
  /** A confidential client for the device flow, which can also revoke its tokens. */
  readonly machine: ConfidentialClient;
  /** Signs in as Ada and allows the device with this user code. */
  approve(userCode: string): Promise<void>;
  /** Denies the device with this user code. */
  deny(userCode: string): Promise<void>;
  /**
   * Has the next poll with this user code's device answered with `slow_down` (RFC
   * 8628, section 3.5), and resolves to the time of that, in full seconds.
   */
  slowDown(userCode: string): Promise<Date>;
  /** Whether an access token or a refresh token is still good. */
  introspect(token: string): Promise<boolean>;
  /** Stops the server and removes its files. */
  close(): Promise<void>;
}

/** The paths in Debian's packages. */
const GLEWLWYD = "/usr/bin/glewlwyd";
const MODULES = "/usr/lib/glewlwyd";
const WEB_PAGES = "/usr/share/glewlwyd/webapp";
const TABLES = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3";
const SQLITE = "/usr/bin/sqlite3";

const CLIENT_ID = "nanoctl";
/** Its secret has what a form sends as it is, and nothing of what is stored in the open. */
const MACHINE: ConfidentialClient = {
  id: "machine",
  secret: "kept-by_the.robot-alone",
};
const ADA_PASSWORD = "ada's password";
/** The name of the plugin's instance, which is a part of the issuer. */
const PLUGIN = "oidc";
/** The scopes that Ada can grant. */
const SCOPES = ["openid", "offline_access", "email", "profile"];
/** The scope that lets the machine introspect every client's tokens. */
const INTROSPECTION = "introspect";

/** Whether Debian's glewlwyd, glewlwyd-common and sqlite3 are installed. */
export function hasGlewlwyd(): boolean {
  return [GLEWLWYD, TABLES, WEB_PAGES, SQLITE].every(exists);
}

/** Starts Glewlwyd as a child process, with its database in a temporary folder. */
export async function startGlewlwyd(
  options: GlewlwydOptions = {},
): Promise<GlewlwydServer> {
  if (!hasGlewlwyd()) {
    throw new Error(
      "install Debian's glewlwyd, glewlwyd-common, sqlite3 and dbconfig-sqlite3",
    );
  }
  const folder = await Deno.makeTempDir({ prefix: "glewlwyd-" });
  try {
    await runSql(folder, await Deno.readTextFile(TABLES));
    const url = deadUrl();
    const settings = join(folder, "glewlwyd.conf");
    await Deno.writeTextFile(settings, settingsFor(folder, url));
    const process = new Deno.Command(GLEWLWYD, {
      args: [`--config-file=${settings}`],
      env: { HOME: folder },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new RunningGlewlwyd(url, folder, process);
    try {
      await server.prepare(options);
    } catch (error) {
      const log = await Deno.readTextFile(logIn(folder)).catch(() => "no log");
      await server.close();
      throw new Error(`Glewlwyd didn't start: ${error}\n${log}`);
    }
    return server;
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

class RunningGlewlwyd implements GlewlwydServer {
  readonly issuer: string;
  readonly clientId = CLIENT_ID;
  readonly machine = MACHINE;
  readonly #api: string;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  #ended = false;

  constructor(url: string, folder: string, process: Deno.ChildProcess) {
    this.#api = `${url}/api`;
    this.issuer = `${this.#api}/${PLUGIN}`;
    this.#folder = folder;
    this.#process = process;
    void process.status.then(() => this.#ended = true);
  }

  /** Waits for its API, then adds the plugin, the scopes, the clients and Ada. */
  async prepare(options: GlewlwydOptions): Promise<void> {
    await until(async () => {
      if (this.#ended) throw new Error("it exited");
      return await answers(`${this.#api}/auth/`);
    }, "Glewlwyd's API answers");
    // The SQL script creates this administrator.
    const admin = await this.#signIn("admin", "password");
    for (const name of [...SCOPES, INTROSPECTION]) {
      // The SQL script creates this one.
      if (name === "openid") continue;
      await this.#add(admin, "scope", {
        name,
        display_name: name,
        password_required: true,
        password_max_age: 0,
        scheme: {},
      });
    }
    await this.#add(admin, "user", {
      username: ADA.username,
      email: ADA.email,
      password: ADA_PASSWORD,
      scope: ["g_profile", ...SCOPES],
      enabled: true,
    });
    await this.#add(admin, "client", {
      client_id: CLIENT_ID,
      name: CLIENT_ID,
      confidential: false,
      authorization_type: ["device_authorization", "refresh_token"],
      scope: [],
      enabled: true,
    });
    await this.#add(admin, "client", {
      client_id: MACHINE.id,
      name: MACHINE.id,
      confidential: true,
      client_secret: MACHINE.secret,
      token_endpoint_auth_method: ["client_secret_basic"],
      authorization_type: [
        "device_authorization",
        "refresh_token",
        "client_credentials",
      ],
      scope: [INTROSPECTION],
      enabled: true,
    });
    await this.#add(admin, "mod/plugin", {
      module: "oidc",
      name: PLUGIN,
      display_name: PLUGIN,
      enabled: true,
      parameters: await pluginParameters(this.issuer, options),
    });
  }

  async approve(userCode: string): Promise<void> {
    const session = await this.#signIn(ADA.username, ADA_PASSWORD);
    const page = new URL(`${this.issuer}/device`);
    page.searchParams.set("code", userCode);
    // It sends the browser to its login page, which asks for the grant and returns.
    const login = await redirect(session, page);
    const client = login.searchParams.get("client_id");
    const scope = login.searchParams.get("scope");
    if (!client || !scope) throw new Error(`no such user code: ${login}`);
    await send(session, "PUT", `${this.#api}/auth/grant/${client}`, { scope });
    page.searchParams.set("g_continue", "");
    const end = await redirect(session, page);
    const prompt = end.searchParams.get("prompt");
    if (prompt !== "deviceComplete") throw new Error(`not approved: ${end}`);
  }

  async deny(userCode: string): Promise<void> {
    // Its pages have no way to deny a device, but its table has a state for that
    // (3: disabled), for which the token endpoint answers access_denied.
    const hash = await hashOf(userCode);
    const changed = await runSql(
      this.#folder,
      `UPDATE gpo_device_authorization SET gpoda_status = 3
       WHERE gpoda_status = 0 AND gpoda_user_code_hash = '${hash}';
       SELECT changes();`,
    );
    if (changed !== "1") throw new Error(`no such user code: ${userCode}`);
  }

  async slowDown(userCode: string): Promise<Date> {
    // As if the device had polled a minute from now. Each poll sets it to now.
    const login = `gpoda_user_code_hash = '${await hashOf(userCode)}'`;
    const ahead = "CAST(strftime('%s', 'now') AS INTEGER) + 60";
    const changed = await runSql(
      this.#folder,
      `UPDATE gpo_device_authorization SET gpoda_last_check = ${ahead}
       WHERE ${login};
       SELECT changes();`,
    );
    if (changed !== "1") throw new Error(`no such user code: ${userCode}`);
    const lastCheck =
      `SELECT gpoda_last_check FROM gpo_device_authorization WHERE ${login};`;
    let polledAt = Infinity;
    await until(async () => {
      polledAt = Number(await runSql(this.#folder, lastCheck)) * 1000;
      return polledAt <= Date.now();
    }, "the device has polled");
    return new Date(polledAt);
  }

  async introspect(token: string): Promise<boolean> {
    const { id, secret } = this.machine;
    const granted = await this.#post(
      "token",
      { grant_type: "client_credentials", scope: INTROSPECTION },
      `Basic ${btoa(`${id}:${secret}`)}`,
    );
    const own = field(granted, "access_token");
    const answer = await this.#post("introspect", { token }, `Bearer ${own}`);
    const active = field(answer, "active");
    if (typeof active === "boolean") return active;
    throw new Error(`no introspection: ${JSON.stringify(answer)}`);
  }

  async close(): Promise<void> {
    killHard(this.#process);
    await this.#process.status;
    await removeFolder(this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #signIn(username: string, password: string): Promise<CookieSession> {
    const session = new CookieSession();
    const url = `${this.#api}/auth/`;
    await send(session, "POST", url, { username, password });
    return session;
  }

  async #add(
    admin: CookieSession,
    kind: string,
    properties: Record<string, unknown>,
  ): Promise<void> {
    await send(admin, "POST", `${this.#api}/${kind}/`, properties);
  }

  async #post(
    endpoint: string,
    form: Record<string, string>,
    authorization: string,
  ): Promise<unknown> {
    const response = await fetch(`${this.issuer}/${endpoint}`, {
      method: "POST",
      headers: { authorization },
      body: new URLSearchParams(form),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new Error(`${endpoint} answered ${response.status}: ${text}`);
  }
}

/** Sends JSON, and throws if it is refused. */
async function send(
  session: CookieSession,
  method: string,
  url: string,
  body: Record<string, unknown>,
): Promise<void> {
  const response = await session.send(url, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
  }
}

/** Where this page redirects to. */
async function redirect(session: CookieSession, page: URL): Promise<URL> {
  const response = await session.send(page);
  await response.body?.cancel();
  const location = response.headers.get("location");
  if (location) return new URL(location, page);
  throw new Error(`${page} answered ${response.status}, not a redirect`);
}

function field(answer: unknown, name: string): unknown {
  if (typeof answer !== "object" || answer === null) return undefined;
  return new Map<string, unknown>(Object.entries(answer)).get(name);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** The hash that its database stores for a code, with `SHA512` in the settings. */
async function hashOf(code: string): Promise<string> {
  const bytes = new TextEncoder().encode(code.toUpperCase());
  const digest = await crypto.subtle.digest("SHA-512", bytes);
  return `{SHA512}${new Uint8Array(digest).toBase64()}`;
}

/** Runs SQL with the sqlite3 command, and gives its output. */
async function runSql(folder: string, sql: string): Promise<string> {
  const process = new Deno.Command(SQLITE, {
    args: ["-batch", "-bail", "-cmd", ".timeout 10000", databaseIn(folder)],
    env: { HOME: folder },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(sql));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`sqlite3: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}

async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function databaseIn(folder: string): string {
  return join(folder, "glewlwyd.db");
}

function logIn(folder: string): string {
  return join(folder, "glewlwyd.log");
}

function settingsFor(folder: string, url: string): string {
  return `
port = ${new URL(url).port}
bind_address = "127.0.0.1"
external_url = "${url}"
login_url = "login.html"
api_prefix = "api"
static_files_path = "${WEB_PAGES}/"
log_mode = "file"
log_level = "INFO"
log_file = "${logIn(folder)}"
cookie_secure = 0
hash_algorithm = "SHA512"
user_module_path = "${MODULES}/user"
client_module_path = "${MODULES}/client"
user_auth_scheme_module_path = "${MODULES}/scheme"
plugin_module_path = "${MODULES}/plugin"
database = { type = "sqlite3", path = "${databaseIn(folder)}" };
`;
}

async function pluginParameters(
  issuer: string,
  { accessTokenSeconds = 3600, deviceCodeSeconds = 600 }: GlewlwydOptions,
): Promise<Record<string, unknown>> {
  const key = { ...await makeSigningKey(), alg: "RS256" };
  return {
    iss: issuer,
    "jwks-private": JSON.stringify({ keys: [key] }),
    "jwks-show": true,
    "access-token-duration": accessTokenSeconds,
    "refresh-token-duration": 86_400,
    "code-duration": 600,
    "refresh-token-rolling": true,
    "refresh-token-one-use": "always",
    "allowed-scope": SCOPES,
    "allow-non-oidc": true,
    "auth-type-client-enabled": true,
    "auth-type-refresh-enabled": true,
    "auth-type-device-enabled": true,
    "device-authorization-expiration": deviceCodeSeconds,
    "device-authorization-interval": 1,
    "introspection-revocation-allowed": true,
    "introspection-revocation-allow-target-client": true,
    "introspection-revocation-auth-scope": [INTROSPECTION],
    "email-claim": "on-demand",
    "email-claim-scope": ["email"],
    claims: [{
      name: "preferred_username",
      "user-property": "username",
      scope: ["profile"],
      "on-demand": true,
    }],
  };
}
