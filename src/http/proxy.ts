import type { Context } from "../context.ts";
import { isLoopback } from "./service_url.ts";

/**
 * The host and port of the proxy that a request to this URL goes through;
 * undefined when it goes direct. The runtime does the work, by the same
 * variables: this only tells an error message whom we talked to.
 */
export function proxyFor(
  { env }: Pick<Context, "env">,
  url: URL,
): string | undefined {
  const variable = (name: string): string | undefined =>
    env.get(name) || env.get(name.toLowerCase()) || undefined;
  const scheme = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = variable(scheme) ?? variable("ALL_PROXY");
  if (!proxy || isLoopback(url.hostname)) return undefined;
  if (isExcepted(url.hostname, variable("NO_PROXY") ?? "")) return undefined;
  const parsed = URL.parse(proxy.includes("://") ? proxy : `http://${proxy}`);
  return parsed?.host || "that the environment names";
}

function isExcepted(hostname: string, exceptions: string): boolean {
  return exceptions.split(",").map((name) => name.trim().toLowerCase())
    .some((name) =>
      name === "*" || name === hostname ||
      (name !== "" && hostname.endsWith(`.${name.replace(/^\*?\./, "")}`))
    );
}
