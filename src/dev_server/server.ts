import { Hono } from "hono/tiny";
import { NanoctlError } from "../errors.ts";
import { isLoopback } from "../http/service_url.ts";
import { AccessProxy } from "./access_proxy.ts";
import { adminRoutes } from "./admin_routes.ts";
import type { Cloud } from "./clouds/cloud.ts";
import { InstanceIdentities } from "./clouds/identities.ts";
import {
  type DevEnv,
  ownHostOnly,
  ownOriginToWrite,
  recorder,
  safeHeaders,
} from "./guards.ts";
import { coderRoutes, noCoderRoute } from "./coder_routes.ts";
import { consentRoutes } from "./consent_page.ts";
import { externalAuthAdminRoutes } from "./external_auth_admin.ts";
import { externalAuthRoutes } from "./external_auth_routes.ts";
import { nanoservicesRoutes } from "./nanoservices_routes.ts";
import { instanceIdentityAdminRoutes } from "./instance_identity_admin.ts";
import { instanceIdentityRoutes } from "./instance_identity_routes.ts";
import { metadataRoutes } from "./metadata_routes.ts";
import { oauthRoutes } from "./oauth/oauth_routes.ts";
import { pageRoutes } from "./pages.ts";
import { problem } from "./problems.ts";
import { DEFAULT_LIFETIME, DevState, type NewToken } from "./state.ts";

/** The options of {@linkcode startDevServer}. */
export interface DevServerOptions {
  /** A loopback address, or localhost, which means 127.0.0.1. */
  hostname: string;
  /** 0 picks any free port. */
  port: number;
  /** The clouds whose metadata services it simulates; none if omitted. */
  metadata?: readonly Cloud[];
  /** The clock for expiries; the system's if omitted. */
  now?: () => Date;
  /** Aborting it calls {@linkcode DevServer.shutdown}. */
  signal?: AbortSignal;
}

/** The running embedded service. */
export interface DevServer {
  /** Such as `http://127.0.0.1:7080`, without a trailing slash. */
  readonly url: string;
  /** The user that exists from the start. */
  readonly user: { readonly username: string; readonly email: string };
  /** That user's first token. */
  readonly token: string;
  /** The token of an agent of that user. */
  readonly agentToken: string;
  /** A token of that user in Coder's format. */
  readonly coderToken: string;
  /** A token of that agent in Coder's format. */
  readonly coderAgentToken: string;
  /** When these tokens expire. */
  readonly expiresAt: Date;
  /** The metadata services' addresses, as each cloud's SDK variable expects them. */
  readonly metadata: Readonly<Partial<Record<Cloud, string>>>;
  /** Settles once the service has stopped. */
  readonly finished: Promise<void>;
  /** Stops at once, cutting off requests in progress. Can be called again. */
  shutdown(): Promise<void>;
}

/**
 * Starts the embedded service on loopback. Prints nothing.
 *
 * @throws {NanoctlError} `usage` for an address that is not loopback or an
 * invalid port; `failed` if the port is in use or not permitted.
 */
export async function startDevServer(
  options: DevServerOptions,
): Promise<DevServer> {
  const hostname = bindAddress(options.hostname);
  const port = checkedPort(options.port);
  const stopping = new AbortController();
  const state = new DevState(
    options.now ?? (() => new Date()),
    stopping.signal,
  );
  const expiresAt = state.fromNow(DEFAULT_LIFETIME);
  const tokens = await firstTokens(state, expiresAt);
  const clouds = options.metadata ?? [];
  const identities = new InstanceIdentities(state.now);
  // Generated upfront: clients give a metadata service only two seconds to answer.
  await Promise.all(clouds.map((cloud) => identities.key(cloud)));
  const app = devApp(state, identities, clouds);
  const server = listen(hostname, port, app, stopping.signal);

  const shutdown = (): Promise<void> => {
    // Not server.shutdown(), which would wait for a never-ending request for ever.
    stopping.abort();
    return server.finished;
  };
  const onAbort = (): void => void shutdown();
  options.signal?.addEventListener("abort", onAbort);
  if (options.signal?.aborted) onAbort();
  const { username, email } = state.firstUser;
  const url = `http://${bracketed(hostname)}:${server.addr.port}`;
  return {
    url,
    user: { username, email },
    ...tokens,
    expiresAt,
    metadata: metadataAddresses(url, clouds),
    finished: server.finished.finally(() =>
      options.signal?.removeEventListener("abort", onAbort)
    ),
    shutdown,
  };
}

type FirstTokens = Pick<
  DevServer,
  "token" | "agentToken" | "coderToken" | "coderAgentToken"
>;

/** The initial tokens, one of each kind. */
async function firstTokens(
  state: DevState,
  expiresAt: Date,
): Promise<FirstTokens> {
  const mint = async (choice: NewToken): Promise<string> =>
    (await state.mint({ expiresAt, ...choice })).secret.reveal();
  const agent = "main"; // The name that Coder's templates give an agent.
  return {
    token: await mint({ name: "first token" }),
    agentToken: await mint({ name: "first agent token", agent }),
    coderToken: await mint({ name: "first coder token", wire: "coder" }),
    coderAgentToken: await mint({
      name: "first coder agent token",
      wire: "coder",
      agent,
    }),
  };
}

/** All routes of the service, sharing one state. */
function devApp(
  state: DevState,
  identities: InstanceIdentities,
  clouds: readonly Cloud[],
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const access = new AccessProxy();
  app.use(
    recorder(state),
    safeHeaders,
    ownHostOnly,
    ownOriginToWrite,
    access.guard,
  );
  app.route("/", nanoservicesRoutes(state));
  app.route("/", externalAuthRoutes(state));
  app.route("/", coderRoutes(state));
  app.route("/", instanceIdentityRoutes(state, identities));
  app.route("/", metadataRoutes(clouds, { identities, now: state.now }));
  app.route("/", adminRoutes(state));
  app.route("/", oauthRoutes(state));
  app.route("/", access.adminRoutes);
  app.route("/", externalAuthAdminRoutes(state));
  app.route("/", instanceIdentityAdminRoutes(identities));
  app.route("/", pageRoutes(state));
  app.route("/", consentRoutes(state));
  app.notFound((c) =>
    c.req.path.startsWith("/api/v2/")
      ? noCoderRoute()
      : problem("not_found", "There is nothing at this path.")
  );
  app.onError(failed);
  return app;
}

/** Google's SDKs take a host and a port, the others a URL. */
function metadataAddresses(
  url: string,
  clouds: readonly Cloud[],
): Partial<Record<Cloud, string>> {
  const address = (cloud: Cloud): string =>
    cloud === "google" ? new URL(url).host : url;
  return Object.fromEntries(clouds.map((cloud) => [cloud, address(cloud)]));
}

/** Answers an internal error without revealing its details. */
function failed(): Response {
  return problem("internal", "The service failed.");
}

function listen(
  hostname: string,
  port: number,
  app: Hono<DevEnv>,
  signal: AbortSignal,
): Deno.HttpServer<Deno.NetAddr> {
  // It would make Deno.serve listen at another address too, or instead.
  Deno.env.delete("DENO_SERVE_ADDRESS");
  try {
    return Deno.serve(
      { hostname, port, signal, onListen: () => {}, onError: failed },
      app.fetch,
    );
  } catch (error) {
    throw cannotListen(error, hostname, port);
  }
}

function cannotListen(
  error: unknown,
  hostname: string,
  port: number,
): NanoctlError {
  const where = `port ${port} of ${hostname}`;
  const hint = "'--port 0' takes any free port";
  if (error instanceof Deno.errors.AddrInUse) {
    return new NanoctlError("failed", `${where} is in use`, hint);
  }
  if (
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable
  ) {
    return new NanoctlError("failed", `${where} is not permitted`, hint);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new NanoctlError("failed", `cannot listen on ${where}: ${reason}`);
}

function bindAddress(hostname: string): string {
  if (!isLoopback(hostname)) {
    throw new NanoctlError(
      "usage",
      `the embedded service listens on loopback only, not on ${
        JSON.stringify(hostname)
      }`,
      "use 127.0.0.1, ::1 or localhost",
    );
  }
  // Don't resolve it: a hosts file could redefine it.
  if (hostname.toLowerCase() === "localhost") return "127.0.0.1";
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new NanoctlError(
    "usage",
    `the port must be a whole number from 0 to 65535, not ${port}`,
  );
}
