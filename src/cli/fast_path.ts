import type { Context } from "../process/context.ts";
import { READ_ONLY } from "../process/variables.ts";
import { SERVICE_NAMES } from "../services/names.ts";
import { isProfileName } from "../store/profile_name.ts";
import { readQuickly } from "../store/quick_read.ts";
import { CODER_VARIABLES, TOKEN_VARIABLES } from "../tokens/variables.ts";
import { versionText } from "../version.ts";
import { SOON } from "./expiry.ts";

/**
 * The most that a pipe takes atomically, in bytes: PIPE_BUF of Linux (POSIX,
 * `write`). Of more, a part could be written when the whole program starts over.
 */
const WRITTEN_WHOLE = 4096;

/** Variables that name another token or another service, or say how files are to be looked at. */
const UNKNOWN_HERE = [
  ...Object.values(TOKEN_VARIABLES),
  "NANOSERVICES_URL",
  CODER_VARIABLES.url,
  "NANOCTL_SERVICE",
  READ_ONLY,
];

/** What the fast path needs from outside. */
export interface FastPathContext extends Pick<Context, "env" | "os" | "now"> {
  /** Writes to stdout what fits at once, and gives how many bytes that was. */
  write(bytes: Uint8Array): number;
}

/**
 * Prints the version, or the token of a stored login, with as little code as
 * possible: scripts call `token` in loops, and the whole program takes longer to
 * load than this takes to run (docs/performance.md). It takes the plainest
 * command lines only. False for everything else, and where there is something
 * to report: nothing is done then, and the whole program starts over.
 */
export async function runFastPath(
  args: string[],
  context: FastPathContext,
): Promise<boolean> {
  try {
    const line = await lineFor(args, context);
    if (line === undefined) return false;
    const bytes = new TextEncoder().encode(`${line}\n`);
    if (bytes.length > WRITTEN_WHOLE) return false;
    for (let written = 0; written < bytes.length;) {
      written += context.write(bytes.subarray(written));
    }
    return true;
  } catch {
    // The whole program meets the same error, and reports it.
    return false;
  }
}

async function lineFor(
  args: string[],
  context: FastPathContext,
): Promise<string | undefined> {
  const [command, option, profile] = args;
  if (command === "--version" || command === "-V") {
    return args.length === 1 ? versionText() : undefined;
  }
  const isPlain = args.length === 1 ||
    args.length === 3 && option === "--profile";
  if (command !== "token" || !isPlain) return undefined;
  if (UNKNOWN_HERE.some((name) => context.env.get(name))) return undefined;
  const named = profile ?? (context.env.get("NANOCTL_PROFILE") || undefined);
  if (named !== undefined && !isProfileName(named)) return undefined;
  return await storedToken(context, named);
}

async function storedToken(
  context: FastPathContext,
  profile: string | undefined,
): Promise<string | undefined> {
  const login = await readQuickly(context, profile);
  if (!login) return undefined;
  const { entry: { service, expires_at }, tokens } = login;
  if (!SERVICE_NAMES.some((name) => name === service)) return undefined;
  const { token, renewAt } = tokens;
  // What renews itself is nothing to warn of before its time.
  const due = renewAt ?? (expires_at && Date.parse(expires_at) - SOON);
  return due && Number(due) < context.now().getTime()
    ? undefined
    : token.reveal();
}
