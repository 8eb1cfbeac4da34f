import { HostileServer } from "./hostile_server.ts";
import { run } from "./nanoctl.ts";

/**
 * How often the program's runtime sends a request if the connection is cut before
 * an answer: Deno 2.7 to 2.9 send it twice (denoland/deno#35610). Measured with a
 * request that nanoctl itself does not retry.
 */
export async function timesSent(): Promise<number> {
  await using server = new HostileServer("");
  await run(["api", "/x", "-X", "POST", "--token", "x", "--url", server.url]);
  return server.heard.length;
}

/** Where vendor/ has its packages from, if not from the usual registry: for what runs the sources. */
export const REGISTRY: Readonly<Record<string, string>> =
  Deno.env.has("JSR_URL") ? { JSR_URL: Deno.env.get("JSR_URL") ?? "" } : {};
