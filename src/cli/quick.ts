import type { Context } from "../context.ts";
import { SERVICE_NAMES } from "../services/names.ts";
import { isProfileName } from "../store/profile_name.ts";
import { readQuickly } from "../store/quick_read.ts";
import { CODER_VARIABLES, TOKEN_VARIABLES } from "../tokens/variables.ts";
import { versionText } from "../version.ts";
import { SOON } from "./dates.ts";
import { plainOptions } from "./plain_options.ts";

/**
 * What a pipe takes whole or not at all, in bytes: PIPE_BUF of Linux (POSIX,
 * `write`). Of more, a part could be out when the whole program begins again.
 */
const WRITTEN_WHOLE = 4096;

/** Any of these, and the stored login may not be what is wanted. */
const OTHER_WISHES = [
  ...Object.values(TOKEN_VARIABLES),
  "NANOSERVICES_URL",
  CODER_VARIABLES.url,
  "NANOCTL_SERVICE",
];

/** What the quick way needs of the outside. */
export interface QuickContext extends Pick<Context, "env" | "os" | "now"> {
  /** Writes to stdout what it can at once, and gives how many bytes that was. */
  write(bytes: Uint8Array): number;
}

/**
 * Runs `--version`, and `token` for a stored login where all is as it mostly
 * is, with as little code as can be: scripts call `token` in loops, and all that
 * the whole program loads is time to them (docs/performance.md). False
 * for everything else, be it only that there is something to say: nothing is
 * done then, and the whole program begins from the beginning.
 */
export async function runQuickly(
  args: string[],
  context: QuickContext,
): Promise<boolean> {
  try {
    const line = await quickLine(args, context);
    if (line === undefined) return false;
    const bytes = new TextEncoder().encode(`${line}\n`);
    if (bytes.length > WRITTEN_WHOLE) return false;
    for (let written = 0; written < bytes.length;) {
      written += context.write(bytes.subarray(written));
    }
    return true;
  } catch {
    // The whole program meets it again, and says what it is.
    return false;
  }
}

async function quickLine(
  args: string[],
  context: QuickContext,
): Promise<string | undefined> {
  const [command, ...rest] = args;
  if (command === "--version" || command === "-V") {
    return rest.length === 0 ? versionText() : undefined;
  }
  const options = command === "token" ? plainOptions(rest) : undefined;
  if (!options) return undefined;
  const { profile, ...others } = options;
  if (Object.keys(others).length > 0) return undefined;
  if (OTHER_WISHES.some((name) => context.env.get(name))) return undefined;
  const named = profile ?? (context.env.get("NANOCTL_PROFILE") || undefined);
  if (named !== undefined && !isProfileName(named)) return undefined;
  return await storedToken(context, named);
}

async function storedToken(
  context: QuickContext,
  profile: string | undefined,
): Promise<string | undefined> {
  const login = await readQuickly(context, profile);
  if (!login) return undefined;
  const { entry: { service, expires_at }, token } = login;
  if (!SERVICE_NAMES.some((name) => name === service)) return undefined;
  const left = expires_at === null
    ? Infinity
    : Date.parse(expires_at) - context.now().getTime();
  return left < SOON ? undefined : token.reveal();
}
