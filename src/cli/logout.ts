import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { hasCode, NanoctlError } from "../errors.ts";
import { Output } from "../output.ts";
import { withForce } from "./force.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";
import type { Workplace } from "./workplace.ts";

/** The options of `logout`. */
export type LogoutOptions = GlobalOptions & {
  revoke?: boolean | undefined;
  all?: boolean | undefined;
  force?: boolean | undefined;
};

/** `nanoctl logout`: deletes the stored token. */
export function logoutCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description("Delete the stored token of a profile.")
      .option("--revoke", "End the token at the service too.")
      .option("--all", "Delete the stored tokens of all profiles.")
      .option(
        "--force",
        "Move aside a credential file that can't be read.",
      )
      .example("Forget the token here", "nanoctl logout")
      .example("End it everywhere", "nanoctl logout --revoke")
      .action((options) => runLogout(context, options)),
  );
}

/**
 * Deletes what is stored; nothing stored is not an error. With `--revoke` a
 * token that can't be ended at the service stays stored, so that it can be
 * tried again.
 *
 * Throws what the store throws, and with `--revoke` what the session throws.
 */
export async function runLogout(
  context: Context,
  options: LogoutOptions,
): Promise<void> {
  const { openStored, storedTarget } = await import("./workplace.ts");
  const output = new Output(context, options);
  const { profile, store, snapshot } = await withForce(
    context,
    options,
    output,
    () => openStored(context, options),
  );
  const stored = new Set(snapshot.names);
  const removed = (options.all ? snapshot.names : [profile])
    .filter((name) => stored.has(name));
  if (options.revoke) {
    for (const name of removed) {
      const target = storedTarget(snapshot, name);
      await revoke(context, options, output, { store, snapshot, target });
      await store.remove([name]);
    }
  } else if (removed.length > 0) await store.remove(removed);
  await report(context, output, removed, options, profile);
  const { active, names: left } = await store.read();
  if (removed.includes(snapshot.active) && left.length > 0) {
    await output.say(`The active profile is now ${active}.`);
  }
}

async function revoke(
  context: Context,
  options: LogoutOptions,
  output: Output,
  workplace: Workplace,
): Promise<void> {
  const { store, snapshot, target } = workplace;
  const { openSession } = await import("./session.ts");
  const { storedToken } = await import("../tokens/stored.ts");
  const provider = storedToken(store, snapshot, target.profile);
  const session = await openSession(
    context,
    options,
    output,
    workplace,
    provider,
  );
  try {
    await session.service.revoke(session.client);
  } catch (error) {
    // What the service no longer knows or accepts needs no ending.
    if (hasCode(error, "token_invalid", "token_expired", "token_revoked")) {
      return;
    }
    throw stillStored(error, target.profile);
  }
}

function stillStored(error: unknown, profile: string): unknown {
  if (!(error instanceof NanoctlError)) return error;
  return new NanoctlError(
    error.code,
    `the token of profile ${profile} was not ended and stays stored: ${error.message}`,
    "try again later, or forget it here only: nanoctl logout",
  );
}

async function report(
  context: Context,
  output: Output,
  removed: string[],
  options: LogoutOptions,
  profile: string,
): Promise<void> {
  if (output.json) {
    await output.dataJson({ removed, revoked: options.revoke ? removed : [] });
  }
  await output.say(outcome(removed, options, profile));
  const { TOKEN_VARIABLES } = await import("../tokens/variables.ts");
  const variable = Object.values(TOKEN_VARIABLES)
    .find((name) => context.env.get(name));
  if (variable) {
    await output.warn(
      `${variable} is set, so commands are still authenticated; unset it to be logged out`,
    );
  }
}

function outcome(
  removed: string[],
  { all, revoke }: LogoutOptions,
  profile: string,
): string {
  if (removed.length === 0) {
    return all
      ? "Nothing is stored; there is nothing to log out of."
      : `Nothing is stored for profile ${profile}; there is nothing to log out of.`;
  }
  const ended = revoke ? ", and ended at the service" : "";
  return `Logged out of ${
    removed.join(", ")
  }: the stored token is deleted${ended}.`;
}
