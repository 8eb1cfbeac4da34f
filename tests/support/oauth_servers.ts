import { assert, assertEquals } from "@std/assert";
import { describeNeeding } from "./needs.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { FakeContext } from "./fake_context.ts";
import { hasGlewlwyd, startGlewlwyd } from "./glewlwyd.ts";
import { type Child, Home, run, start } from "./nanoctl.ts";
import { type ConfidentialClient, startOidcProvider } from "./oidc_provider.ts";

/** How long a server's grants last, in seconds. */
export interface Lifetimes {
  /** An access token; an hour if not given. */
  accessTokenSeconds?: number;
  /** A device code; ten minutes if not given. */
  deviceCodeSeconds?: number;
}

/** What the servers that others wrote have in common. */
export interface OAuthServer extends AsyncDisposable {
  readonly issuer: string;
  /** A public client for the device flow. */
  readonly clientId: string;
  readonly machine: ConfidentialClient;
  approve(userCode: string): Promise<void>;
  deny(userCode: string): Promise<void>;
  introspect(token: string): Promise<boolean>;
  close(): Promise<void>;
}

/** A kind of server, and where it differs from the others. */
export interface ServerKind {
  name: string;
  start(lifetimes?: Lifetimes): Promise<OAuthServer>;
  /** Undefined if it can run here, else what is missing. */
  missing: string | undefined;
  /** A scope that its confidential client is granted for itself. */
  machineScope: string | undefined;
  /** Whether it lets a public client revoke its own tokens. */
  revokesForAll: boolean;
}

/** `oidc-provider` of npm, and Glewlwyd, as Debian packages it. */
export const SERVER_KINDS: readonly ServerKind[] = [
  {
    name: "oidc-provider",
    start: startOidcProvider,
    missing: undefined,
    machineScope: undefined,
    revokesForAll: true,
  },
  {
    name: "Glewlwyd",
    start: startGlewlwyd,
    missing: hasGlewlwyd()
      ? undefined
      : "Debian's glewlwyd and sqlite3 are not installed",
    machineScope: "introspect",
    revokesForAll: false,
  },
];

/**
 * A suite that needs such a server. Where that can't run the suite is skipped, and
 * says so in its name; in CI it fails.
 */
export function describeWithServer(
  { missing }: Pick<ServerKind, "missing">,
  name: string,
  fn: () => void,
): void {
  describeNeeding(missing, name, fn);
}

/** The first line of `login --device --json`. */
export interface DeviceJson {
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string | null;
  expires_in: number;
  interval: number;
}

/** A device login that waits for a person. */
export interface Pending {
  child: Child;
  device: DeviceJson;
}

/** Starts a device login, and reads what it tells the person. */
export async function startLogin(
  { issuer }: Pick<OAuthServer, "issuer">,
  home: Home,
  ...args: string[]
): Promise<Pending> {
  const child = start(
    ["login", "--device", "--json", "--issuer", issuer, ...args],
    { home },
  );
  return { child, device: JSON.parse(await child.firstLine) };
}

/** A new home with the login of a device that Ada approved. */
export async function loggedIn(
  server: OAuthServer,
  ...args: string[]
): Promise<Home> {
  const home = new Home();
  const { child, device } = await startLogin(server, home, ...args);
  await server.approve(device.user_code);
  const { code, stderr } = await child.end();
  assertEquals([code, stderr], [0, ""]);
  return home;
}

/** The options that name a server's confidential client, with its secret in a file outside of any home. */
export function machineOptions(folder: Home, server: OAuthServer): string[] {
  const { id, secret } = server.machine;
  return clientOptions(folder, id, secret);
}

/** The options that name a client and its secret, which is written to a file. */
export function clientOptions(
  folder: Home,
  id: string,
  secret: string,
): string[] {
  const path = folder.at("client-secret");
  Deno.writeTextFileSync(path, `${secret}\n`, { mode: 0o600 });
  return ["--client-id", id, "--client-secret-file", path];
}

/** The token that `nanoctl token` prints, with no option. */
export async function printedToken(home: Home): Promise<string> {
  const { code, stdout, stderr } = await run(["token"], { home });
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

/** The tokens of a stored login, as text. */
export interface StoredTokens {
  token: string;
  refreshToken: string;
}

/** Opens the stored login of a home. */
export async function storedTokens(home: Home): Promise<StoredTokens> {
  const snapshot = await storeOf(home).read();
  const tokens = await snapshot.openTokens(snapshot.active);
  assert(tokens?.refreshToken, "no refresh token is stored");
  return {
    token: tokens.token.reveal(),
    refreshToken: tokens.refreshToken.reveal(),
  };
}

/** Makes the stored login due for renewal now, and gives its tokens. */
export async function makeDue(home: Home): Promise<StoredTokens> {
  const tokens = await storedTokens(home);
  const store = storeOf(home);
  const refreshToken = new Secret(tokens.refreshToken);
  const { active } = await store.read();
  const past = new Date(Date.now() - 1000);
  const isDone = await store.renew(active, new Secret(tokens.token), {
    token: new Secret(tokens.token),
    refreshToken,
    expiresAt: past,
    renewAt: past,
  });
  assert(isDone, "the login was not made due");
  return tokens;
}

function storeOf(home: Home): CredentialStore {
  return new CredentialStore(new FakeContext({ env: { HOME: home.path } }));
}
