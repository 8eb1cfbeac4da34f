import { HostileServer } from "./hostile_server.ts";
import { run } from "./nanoctl.ts";

/**
 * How often the program's runtime sends a request whose connection is cut
 * before an answer: Deno 2.7 to 2.9 do it twice (denoland/deno#35610). Found
 * out with a request that nanoctl itself does not repeat.
 */
export async function timesSent(): Promise<number> {
  await using server = new HostileServer("");
  await run(["api", "/x", "-X", "POST", "--token", "x", "--url", server.url]);
  return server.heard.length;
}
