import { childEnvironment } from "./child_environment.ts";
import { findProgram } from "./program_path.ts";
import type { Context } from "./context.ts";

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
  const variables = env.toObject();
  if (REMOTE.some((name) => variables[name])) return undefined;
  const [name, ...args] = openerOf(os, variables);
  const path = name && findProgram(name, variables, os)?.path;
  return path ? { path, args } : undefined;
}

function openerOf(os: string, variables: Record<string, string>): string[] {
  if (os === "darwin") return ["open"];
  if (os === "windows") return ["rundll32", "url.dll,FileProtocolHandler"];
  // Without a display there could only be a browser in the terminal, which is in use.
  const hasDisplay = variables.DISPLAY || variables.WAYLAND_DISPLAY;
  return hasDisplay ? ["xdg-open"] : [];
}

/** Opens a page. False if the program failed or couldn't be run. */
export async function openPage(
  { path, args }: Browser,
  page: string,
  { env }: Pick<Context, "env">,
): Promise<boolean> {
  try {
    const child = new Deno.Command(path, {
      args: [...args, page],
      env: childEnvironment(env.toObject()),
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
