import { NanoctlError } from "../errors.ts";
import { isObject } from "../json.ts";
import type { Secret } from "../secret.ts";

/** Where kubectl and client-go say which version they want. */
export const EXEC_INFO_VARIABLE = "KUBERNETES_EXEC_INFO";

/**
 * The versions of an ExecCredential, the current one first
 * (client.authentication.k8s.io, "Kubernetes API reference").
 */
export const EXEC_VERSIONS = [
  "client.authentication.k8s.io/v1",
  "client.authentication.k8s.io/v1beta1",
] as const;

/** A version that we speak. */
export type ExecVersion = typeof EXEC_VERSIONS[number];

/**
 * The version that a client asks for in its ExecCredential; the current one
 * where it says nothing.
 *
 * Throws `usage` if it is no ExecCredential, or one of another version.
 */
export function execVersion(info: string | undefined): ExecVersion {
  if (!info) return EXEC_VERSIONS[0];
  const asked = apiVersionOf(info);
  const found = EXEC_VERSIONS.find((version) => version === asked);
  if (found) return found;
  throw new NanoctlError(
    "usage",
    asked === undefined
      ? `${EXEC_INFO_VARIABLE} is not what a Kubernetes client writes there`
      : `${EXEC_INFO_VARIABLE} asks for the version ${asked}, which nanoctl does not know`,
    `the apiVersion can be ${EXEC_VERSIONS.join(" or ")}`,
  );
}

function apiVersionOf(info: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(info);
    if (!isObject(parsed)) return undefined;
    const { apiVersion } = parsed;
    return typeof apiVersion === "string" ? apiVersion : undefined;
  } catch {
    return undefined;
  }
}

/** What a Kubernetes client is given. */
export interface ExecToken {
  secret: Secret;
  /** When the client is to ask again; undefined if nobody knows. */
  expiresAt?: Date;
}

/** An ExecCredential with a bearer token, to be printed as JSON; the expiry is in whole seconds (RFC 3339). */
export function execCredential(
  version: ExecVersion,
  { secret, expiresAt }: ExecToken,
): Record<string, unknown> {
  return {
    apiVersion: version,
    kind: "ExecCredential",
    status: {
      ...expiresAt ? { expirationTimestamp: inSeconds(expiresAt) } : {},
      token: secret.reveal(),
    },
  };
}

/** Rounded down: the client must not use the token any longer. */
function inSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}
