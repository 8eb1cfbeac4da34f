import { proxyChoice } from "../../http/proxy/proxy_server.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok } from "./finding.ts";

/** Which proxy leads to the service, or why none does. */
export async function checkProxy(facts: Facts): Promise<Finding> {
  const { context } = facts;
  const url = new URL((await facts.target()).target.url);
  const choice = proxyChoice(context, url);
  switch (choice.by) {
    case "loopback":
      return ok("none: the service is on this machine");
    case "nothing":
      return ok("none: no variable names one");
    case "exception":
      return ok(
        `none: ${
          asGiven(facts, choice.exception)
        } excepts ${url.hostname} from ${choice.variable}`,
      );
    case "proxy": {
      const { url: proxy, credentials } = choice.proxy;
      const login = credentials ? ", with a user name and a password" : "";
      return ok(`${proxy}, from ${choice.variable}${login}`);
    }
  }
}

/** The spelling that the person set: for the runtime there is always a NO_PROXY (src/process/variables.ts). */
function asGiven({ context }: Facts, variable: string): string {
  const { NO_PROXY, no_proxy } = context.env.toObject();
  return !NO_PROXY && no_proxy ? "no_proxy" : variable;
}
