import { NanoctlError } from "../errors.ts";
import type { GrantedTokens, OAuthGrant, OAuthMachineLogin } from "../grant.ts";
import type { HttpClient } from "../http/client.ts";
import type { TokenOrigin, TokenProvider } from "../http/token_provider.ts";
import type { Context } from "../process/context.ts";
import { Secret } from "../secret.ts";
import type { DeviceFlow } from "../services/description/device.ts";
import type { Endpoint, OAuthClient } from "../services/oauth/server.ts";
import type { Service } from "../services/service.ts";
import type { OAuthOptions } from "./oauth_options.ts";
import type { Output } from "./output.ts";

/** The tokens of a login, and how they can be renewed. */
export interface OAuthLogin {
  provider: TokenProvider;
  tokens: GrantedTokens;
  grant: OAuthGrant;
  /** The name of a machine that logged in as itself. */
  machine: string | undefined;
}

/** Where to log in. */
export interface Place {
  /** Without tokens. */
  http: HttpClient;
  service: Service;
  /** The service's URL, as a person gives it. */
  url: string;
}

/** How a command logs in by OAuth. */
export type Way = Extract<
  TokenOrigin,
  "device" | "client-credentials" | "token-exchange"
>;

/** The variable with the secret of a confidential client. */
const SECRET_VARIABLE = "NANOCTL_CLIENT_SECRET";
/** More than any client's secret, in bytes. */
const FILE_LIMIT = 64 * 1024;

/** How to log in, as the options say; undefined if they ask for no OAuth. Throws `usage` if they contradict each other. */
export function wayOf(options: OAuthOptions): Way | undefined {
  const ways: [wanted: boolean, way: Way][] = [
    [options.device === true, "device"],
    [options.clientCredentials === true, "client-credentials"],
    [options.subjectTokenFile !== undefined, "token-exchange"],
  ];
  const [way, other] = ways.filter(([wanted]) => wanted).map(([, way]) => way);
  if (other) {
    throw new NanoctlError(
      "usage",
      "several ways of logging in are given",
      "give one of --device, --client-credentials and --subject-token-file",
    );
  }
  const { token, tokenFile, tokenCommand } = options;
  if (way && (token ?? tokenFile ?? tokenCommand) !== undefined) {
    throw new NanoctlError(
      "usage",
      "a token is given together with a way of getting one",
      "leave out one of the two",
    );
  }
  return way;
}

/** `--issuer` is the URL of a service of its own. Throws `usage` if another is named too. */
export function withIssuer<O extends OAuthOptions>(options: O): O {
  const { issuer, url, service } = options;
  if (issuer === undefined) return options;
  if (url === undefined && (service ?? "oauth") === "oauth") {
    return { ...options, url: issuer, service: "oauth" };
  }
  throw new NanoctlError(
    "usage",
    "--issuer is given together with --url or another --service",
    "give the issuer alone",
  );
}

/**
 * Gets tokens from the service's OAuth server.
 *
 * Throws `login_denied`, `login_expired`, `usage`, `not_logged_in` for a file that
 * can't be read, and what the client throws.
 */
export async function oauthLogin(
  context: Context,
  options: OAuthOptions,
  output: Output,
  at: Place,
  way: Way,
): Promise<OAuthLogin> {
  const { endpointOf, grantOf } = await import("../services/oauth/server.ts");
  const { http } = at;
  const secret = await secretOf(context, options);
  if (way === "client-credentials") checkConfidential(options, secret);
  const { server, clientId, scope } = await serverOf(at, options, way);
  const client: OAuthClient = { id: clientId, secret };
  const endpoint = endpointOf(http, server, client);
  const machine = way === "device" ? undefined : await machineOf(way, options);
  const tokens = machine
    ? await byMachine(context, endpoint, machine)
    : await byDevice(context, { ...options, scope }, output, endpoint);
  const { token, expiresAt } = tokens;
  return {
    tokens,
    grant: { ...grantOf(server, client), machine },
    machine: way === "client-credentials" ? client.id : undefined,
    provider: {
      origin: way,
      source: `the login at ${new URL(server.issuer).origin}`,
      getToken: () =>
        Promise.resolve({ secret: token, ...(expiresAt ? { expiresAt } : {}) }),
    },
  };
}

/** The OAuth server of a service. Throws `usage` if it has none for this way of logging in. */
async function serverOf(
  { http, service, url }: Place,
  { clientId, scope }: OAuthOptions,
  way: Way,
): Promise<DeviceFlow> {
  const { DEFAULT_CLIENT_ID, discover } = await import(
    "../services/oauth/server.ts"
  );
  const { description } = service;
  if (!description) {
    return {
      server: await discover(http, http.baseUrl),
      clientId: clientId ?? DEFAULT_CLIENT_ID,
      scope,
    };
  }
  if (way !== "device") {
    throw new NanoctlError(
      "usage",
      `${description.title} has no such login for machines`,
      "give it a token, or name another service with --service",
    );
  }
  const { deviceFlow } = await import("../services/description/device.ts");
  const flow = deviceFlow(description, url, clientId);
  return { ...flow, scope: scope ?? flow.scope };
}

async function byDevice(
  context: Context,
  options: OAuthOptions,
  output: Output,
  endpoint: Endpoint,
): Promise<GrantedTokens> {
  const { deviceLogin } = await import("./device_login.ts");
  return await deviceLogin(context, options, output, endpoint);
}

async function byMachine(
  context: Context,
  endpoint: Endpoint,
  machine: OAuthMachineLogin,
): Promise<GrantedTokens> {
  const { machineLogin } = await import("../tokens/machine.ts");
  return await machineLogin(endpoint, machine, () => context.now());
}

/** How the machine logs in, now and when its token is over: from any folder, so a path is absolute. */
async function machineOf(
  way: OAuthMachineLogin["way"],
  { scope, audience, subjectTokenFile }: OAuthOptions,
): Promise<OAuthMachineLogin> {
  const { resolve } = await import("@std/path");
  return {
    way,
    scope,
    audience,
    ...(subjectTokenFile === undefined
      ? {}
      : { subjectTokenFile: resolve(subjectTokenFile) }),
  };
}

function checkConfidential(
  { clientId }: OAuthOptions,
  secret: Secret | undefined,
): void {
  if (clientId !== undefined && secret) return;
  throw new NanoctlError(
    "usage",
    "--client-credentials needs a client and its secret",
    `give --client-id, and the secret with --client-secret-file or ${SECRET_VARIABLE}`,
  );
}

/** The secret of a confidential client, never from the command line. */
async function secretOf(
  { env }: Context,
  { clientSecretFile }: OAuthOptions,
): Promise<Secret | undefined> {
  if (clientSecretFile !== undefined) {
    return await secretIn(clientSecretFile, "the client's secret");
  }
  const value = env.get(SECRET_VARIABLE);
  return value ? new Secret(value) : undefined;
}

async function secretIn(path: string, what: string): Promise<Secret> {
  const { readAtMost } = await import("../read_at_most.ts");
  const { whyUnreadable } = await import("../tokens/file.ts");
  const { bytes } = await readAtMost(path, FILE_LIMIT).catch((error) => {
    throw unusable(
      `${what} can't be read from ${path}: ${whyUnreadable(error)}`,
    );
  });
  const text = new TextDecoder().decode(bytes).trim();
  if (bytes.length <= FILE_LIMIT && /^[\x20-\x7e]+$/.test(text)) {
    return new Secret(text);
  }
  throw unusable(`the file ${path} does not hold ${what}`);
}

function unusable(message: string): NanoctlError {
  return new NanoctlError("not_logged_in", message, "check the path");
}
