import type { Context } from "../process/context.ts";

/** The variables that hold a token, or the path of a file with one. */
export const TOKEN_VARIABLES = {
  file: "NANOSERVICES_TOKEN_FILE",
  value: "NANOSERVICES_TOKEN",
} as const;

/** What people have set for Coder's own command: it counts where Coder is meant. */
export const CODER_VARIABLES = {
  url: "CODER_URL",
  token: "CODER_SESSION_TOKEN",
  header: "CODER_HEADER",
} as const;

/** What the command line says of the target. */
export interface NamedTarget {
  url?: string | undefined;
  service?: string | undefined;
  profile?: string | undefined;
}

/** The service that `--service` names, else `NANOCTL_SERVICE`. */
export function namedService(
  { env }: Pick<Context, "env">,
  { service }: NamedTarget,
): string | undefined {
  return service ?? (env.get("NANOCTL_SERVICE") || undefined);
}

/** The profile that `--profile` names, else `NANOCTL_PROFILE`. */
export function namedProfile(
  { env }: Pick<Context, "env">,
  { profile }: NamedTarget,
): string | undefined {
  return profile ?? (env.get("NANOCTL_PROFILE") || undefined);
}

/**
 * Whether Coder is meant: it is named, or `CODER_URL` alone says where a
 * command goes, and nothing else names a service or a profile.
 */
export function meansCoder(
  context: Pick<Context, "env">,
  named: NamedTarget,
): boolean {
  const service = namedService(context, named);
  if (service !== undefined) return service === "coder";
  const { env } = context;
  return named.url === undefined && !env.get("NANOSERVICES_URL") &&
    namedProfile(context, named) === undefined &&
    Boolean(env.get(CODER_VARIABLES.url));
}
