import type { AuthorizationServer } from "oauth4webapi";
import { NanoctlError } from "../../errors.ts";
import type { ServiceDescription } from "./schema.ts";
import { urlOf } from "./urls.ts";

/** How a described service logs in by a code (RFC 8628). */
export interface DeviceFlow {
  server: AuthorizationServer;
  clientId: string;
  scope: string | undefined;
}

/**
 * The device flow of the service at a URL, for the client that was named or its own.
 *
 * Throws `usage` if it has none, and if it knows no client of ours.
 */
export function deviceFlow(
  description: ServiceDescription,
  url: string,
  clientId: string | undefined,
): DeviceFlow {
  const { device, title } = description;
  if (!device) {
    throw new NanoctlError(
      "usage",
      `${title} has no login with a code`,
      `make a token at ${
        urlOf(description, description.token_page, url)
      } and give that`,
    );
  }
  const id = clientId ?? device.client_id;
  if (id === undefined) {
    throw new NanoctlError(
      "usage",
      `${title} lets only clients log in that were registered with it`,
      `${
        device.register?.replace("{url}", () => url) ?? "register one"
      }, and give its id with --client-id`,
    );
  }
  const { revocation_endpoint } = device;
  const at = (template: string): string => urlOf(description, template, url);
  return {
    clientId: id,
    scope: device.scope,
    server: {
      issuer: url,
      device_authorization_endpoint: at(device.device_authorization_endpoint),
      token_endpoint: at(device.token_endpoint),
      ...(revocation_endpoint
        ? { revocation_endpoint: at(revocation_endpoint) }
        : {}),
    },
  };
}
