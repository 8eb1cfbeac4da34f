import { NanoctlError } from "../../errors.ts";
import { clockDifference, clockOffset } from "../../http/clock.ts";
import { proxyFor } from "../../http/proxy/proxy_server.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** Whether the service answers a request without a token. */
export async function checkReachability(facts: Facts): Promise<Finding> {
  const started = facts.context.now().getTime();
  const { status, url, leftOrigin, receivedAt } = await facts.answer();
  if (leftOrigin) {
    return warning(
      `the service redirects to ${url.origin}, which answers with status ${status}`,
      `if that is the service, name it with --url ${url.origin}; if it is a sign-in page, sign in, or give what an access proxy asks for with --header`,
    );
  }
  if (status >= 500) {
    throw new NanoctlError(
      "service_error",
      `${url.origin} answers with status ${status}`,
      "the fault is the service's, or that of a proxy in front of it: try again later",
    );
  }
  const proxy = proxyFor(facts.context, url);
  const way = proxy ? ` through the proxy ${proxy.host}` : "";
  const took = receivedAt.getTime() - started;
  return ok(
    `${stepsTo(url)} work${way}; status ${status} after ${took} ms`,
  );
}

/** What an answer takes, in the order in which it can fail. */
function stepsTo({ hostname, protocol }: URL): string {
  const isAddress = /^[\d.]+$|^\[/.test(hostname);
  const steps = [
    ...isAddress ? [] : ["name"],
    "connection",
    ...protocol === "https:" ? ["TLS"] : [],
  ];
  return `${steps.join(", ")} and HTTP`;
}

/** Whether this machine's clock agrees with the service's. */
export async function checkClock(facts: Facts): Promise<Finding> {
  const answer = await facts.answer();
  if (clockOffset(answer) === undefined) {
    return skipped("the service's answer does not say its time");
  }
  const difference = clockDifference(answer);
  if (difference === undefined) {
    return ok("this machine's clock agrees with the service's to the minute");
  }
  throw new NanoctlError(
    "failed",
    difference,
    "set this machine's clock by a time server; if it is right, the service's is wrong",
  );
}
