import { Hono } from "hono/tiny";
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
import { bindAddress, bracketed, checkedPort, listen } from "./listen.ts";
import { metadataRoutes } from "./metadata_routes.ts";
import { oauthRoutes } from "./oauth/oauth_routes.ts";
import { pageRoutes, tokenPageRoutes } from "./pages.ts";
import { internalError, problem } from "./problems.ts";
import { DEFAULT_LIFETIME, DevState, type NewToken } from "./state.ts";
import { loadVendor } from "./vendors/registry.ts";
import type { Vendor } from "./vendors/vendor.ts";

/** The options of {@linkcode startDevServerAs}. */
export interface ListenOptions {
  /** A loopback address, or localhost, which means 127.0.0.1. */
  hostname: string;
  /** 0 picks any free port. */
  port: number;
  /** The clock for expiries; the system's if omitted. */
  now?: () => Date;
  /** Aborting it calls {@linkcode RunningServer.shutdown}. */
  signal?: AbortSignal;
}

/** The options of {@linkcode startDevServer}. */
export interface DevServerOptions extends ListenOptions {
  /** The clouds whose metadata services it simulates; none if omitted. */
  metadata?: readonly Cloud[];
}

/** The running embedded service, whatever it is. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:7080`, without a trailing slash. */
  readonly url: string;
  /** The name that `--service` knows it by. */
  readonly service: string;
  /** The user that exists from the start. */
  readonly user: { readonly username: string; readonly email: string };
  /** That user's first token. */
  readonly token: string;
  /** When this token and the other first ones expire. */
  readonly expiresAt: Date;
  /** Settles once the service has stopped. */
  readonly finished: Promise<void>;
  /** Stops at once, cutting off requests in progress. Can be called again. */
  shutdown(): Promise<void>;
}

/** The running embedded service as itself. */
export interface DevServer extends RunningServer {
  /** The token of an agent of that user. */
  readonly agentToken: string;
  /** A token of that user in Coder's format. */
  readonly coderToken: string;
  /** A token of that agent in Coder's format. */
  readonly coderAgentToken: string;
  /** The metadata services' addresses, as each cloud's SDK variable expects them. */
  readonly metadata: Readonly<Partial<Record<Cloud, string>>>;
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
  const clouds = options.metadata ?? [];
  const server = await start(options, undefined, async (state) => {
    const identities = new InstanceIdentities(state.now);
    // Generated upfront: clients give a metadata service only two seconds to answer.
    await Promise.all(clouds.map((cloud) => identities.key(cloud)));
    return devApp(state, identities, clouds);
  });
  const { state, expiresAt, ...rest } = server;
  const metadata = metadataAddresses(server.url, clouds);
  return {
    ...rest,
    expiresAt,
    metadata,
    ...await moreTokens(state, expiresAt),
  };
}

/**
 * Starts the embedded service as the one of this name, on loopback. Prints
 * nothing.
 *
 * @throws {NanoctlError} `usage` for an unknown name; otherwise as
 * {@linkcode startDevServer}.
 */
export async function startDevServerAs(
  name: string,
  options: ListenOptions,
): Promise<RunningServer> {
  const vendor = await loadVendor(name);
  const { state: _, ...server } = await start(
    options,
    vendor,
    (state) => vendorApp(state, vendor),
  );
  return server;
}

/** Starts what both have in common. */
async function start(
  options: ListenOptions,
  vendor: Vendor | undefined,
  appOf: (state: DevState) => Hono<DevEnv> | Promise<Hono<DevEnv>>,
): Promise<RunningServer & { state: DevState }> {
  const hostname = bindAddress(options.hostname);
  const port = checkedPort(options.port);
  const stopping = new AbortController();
  const state = new DevState(
    options.now ?? (() => new Date()),
    stopping.signal,
    vendor,
  );
  const expiresAt = state.fromNow(DEFAULT_LIFETIME);
  const { secret } = await state.mint({ name: "first token", expiresAt });
  const server = listen(hostname, port, await appOf(state), stopping.signal);

  const shutdown = (): Promise<void> => {
    // Not server.shutdown(), which would wait for a never-ending request for ever.
    stopping.abort();
    return server.finished;
  };
  const onAbort = (): void => void shutdown();
  options.signal?.addEventListener("abort", onAbort);
  if (options.signal?.aborted) onAbort();
  const { username, email } = state.firstUser;
  return {
    state,
    url: `http://${bracketed(hostname)}:${server.addr.port}`,
    service: vendor?.name ?? "nanoservices",
    user: { username, email },
    token: secret.reveal(),
    expiresAt,
    finished: server.finished.finally(() =>
      options.signal?.removeEventListener("abort", onAbort)
    ),
    shutdown,
  };
}

type MoreTokens = Pick<
  DevServer,
  "agentToken" | "coderToken" | "coderAgentToken"
>;

/** The initial tokens of the other kinds, one of each. */
async function moreTokens(
  state: DevState,
  expiresAt: Date,
): Promise<MoreTokens> {
  const mint = async (choice: NewToken): Promise<string> =>
    (await state.mint({ expiresAt, ...choice })).secret.reveal();
  const agent = "main"; // The name that Coder's templates give an agent.
  return {
    agentToken: await mint({ name: "first agent token", agent }),
    coderToken: await mint({ name: "first coder token", wire: "coder" }),
    coderAgentToken: await mint({
      name: "first coder agent token",
      wire: "coder",
      agent,
    }),
  };
}

/** An app with what comes before all routes. */
function guardedApp(state: DevState, access: AccessProxy): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.use(
    recorder(state),
    safeHeaders,
    ownHostOnly,
    ownOriginToWrite,
    access.guard,
  );
  app.onError(internalError);
  return app;
}

/** The routes of another service, with the admin routes and the page for tokens. */
function vendorApp(state: DevState, vendor: Vendor): Hono<DevEnv> {
  const access = new AccessProxy();
  const app = guardedApp(state, access);
  app.route("/", adminRoutes(state));
  app.route("/", access.adminRoutes);
  const login = `nanoctl login --service ${vendor.name}`;
  app.route("/", tokenPageRoutes(state, vendor.tokenPage, login));
  // Last, because it also answers what nothing else does.
  app.route("/", vendor.routes(state));
  return app;
}

/** All routes of the service, sharing one state. */
function devApp(
  state: DevState,
  identities: InstanceIdentities,
  clouds: readonly Cloud[],
): Hono<DevEnv> {
  const access = new AccessProxy();
  const app = guardedApp(state, access);
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
