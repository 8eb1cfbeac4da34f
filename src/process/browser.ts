import { childEnvironment } from "./child_environment.ts";
import { findProgram } from "./program_path.ts";
import type { Context } from "./context.ts";
import { systemOf } from "./system/systems.ts";

/** A program that opens a page in a person's browser. */
export interface Browser {
  path: string;
  /** What comes before the page's address. */
  args: string[];
}

/** Variables of a session whose browser would open on another machine than the person's (sshd(8)). */
const REMOTE = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"];

/** Finds it; undefined where there is no browser that the person could see. */
export function findBrowser(
  { env, os }: Pick<Context, "env" | "os">,
): Browser | undefined {
  if (REMOTE.some((name) => env.get(name))) return undefined;
  const variables = env.toObject();
  const [name, ...args] = systemOf(os).pageOpener(variables);
  const path = name && findProgram(name, variables, os)?.path;
  return path ? { path, args } : undefined;
}

/** Opens a page. False if the program failed or couldn't be run. */
export async function openPage(
  { path, args }: Browser,
  page: string,
  { env, os }: Pick<Context, "env" | "os">,
): Promise<boolean> {
  try {
    const child = new Deno.Command(path, {
      args: [...args, page],
      env: childEnvironment(env.toObject(), os),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    child.unref();
    return (await child.status).success;
  } catch {
    return false;
  }
}
