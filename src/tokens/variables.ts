import type { Context } from "../process/context.ts";
import { TOKEN_COMMAND } from "../process/variables.ts";

/** The variables that hold a token, the path of a token file, or a command that prints one; in their order. */
export const TOKEN_VARIABLES = {
  file: "NANOSERVICES_TOKEN_FILE",
  value: "NANOSERVICES_TOKEN",
  command: TOKEN_COMMAND,
} as const;

/** The Coder CLI's own variables, honoured if the target is Coder. */
export const CODER_VARIABLES = {
  url: "CODER_URL",
  token: "CODER_SESSION_TOKEN",
  header: "CODER_HEADER",
} as const;

/** The command line's target options. */
export interface NamedTarget {
  url?: string | undefined;
  service?: string | undefined;
  profile?: string | undefined;
}

/** The service from `--service` or else `NANOCTL_SERVICE`. */
export function namedService(
  { env }: Pick<Context, "env">,
  { service }: NamedTarget,
): string | undefined {
  return service ?? (env.get("NANOCTL_SERVICE") || undefined);
}

/** The profile from `--profile` or else `NANOCTL_PROFILE`. */
export function namedProfile(
  { env }: Pick<Context, "env">,
  { profile }: NamedTarget,
): string | undefined {
  return profile ?? (env.get("NANOCTL_PROFILE") || undefined);
}

/**
 * Whether the target is Coder: either it is named as the service, or no
 * service, profile or URL is given except `CODER_URL`.
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
