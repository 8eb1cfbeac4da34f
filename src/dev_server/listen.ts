import type { Hono } from "hono/tiny";
import { NanoctlError } from "../errors.ts";
import { isLoopback } from "../http/service_url.ts";
import type { DevEnv } from "./guards.ts";
import { internalError } from "./problems.ts";

/**
 * Serves the app at this address, which must have been checked, until the
 * signal aborts.
 *
 * @throws {NanoctlError} `failed` if the port is in use or not permitted.
 */
export function listen(
  hostname: string,
  port: number,
  app: Hono<DevEnv>,
  signal: AbortSignal,
): Deno.HttpServer<Deno.NetAddr> {
  // It would make Deno.serve listen at another address too, or instead.
  Deno.env.delete("DENO_SERVE_ADDRESS");
  try {
    return Deno.serve(
      {
        hostname,
        port,
        signal,
        onListen: () => {},
        onError: internalError,
      },
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

/**
 * The address to listen at, without brackets.
 *
 * @throws {NanoctlError} `usage` for one that is not loopback.
 */
export function bindAddress(hostname: string): string {
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

/** The host as URLs have it. */
export function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** The port. Throws `usage` for one that there can't be. */
export function checkedPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new NanoctlError(
    "usage",
    `the port must be a whole number from 0 to 65535, not ${port}`,
  );
}
