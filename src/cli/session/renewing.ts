import type { HttpClient } from "../../http/client.ts";
import type { Context } from "../../process/context.ts";
import type { Service } from "../../services/service.ts";
import type { Renewing } from "../../tokens/renewal.ts";
import type { Target } from "../../tokens/resolve.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Output } from "../output.ts";
import { timeoutSeconds } from "./timeout.ts";

/** How a command renews a stored token. Nothing is loaded unless it has to. */
export function renewingFor(
  context: Context,
  options: GlobalOptions,
  output: Output,
  target: Target,
): Renewing {
  const connect = async (): Promise<{ http: HttpClient; service: Service }> => {
    const { plainClient } = await import("./session.ts");
    const { serviceOf } = await import("./services.ts");
    const service = await serviceOf(context, target.service);
    const { url } = target;
    return {
      service,
      http: await plainClient(context, options, output, url, service),
    };
  };
  return {
    connect: async () => (await connect()).http,
    prolong: async (secret, source) => {
      const { renewAtService } = await import("./session.ts");
      const { http, service } = await connect();
      return await renewAtService(http, service, {
        origin: "store",
        source,
        getToken: () => Promise.resolve({ secret }),
      });
    },
    runCommand: async ({ command }, source) => {
      const { runTokenCommand } = await import(
        "../../tokens/command_output.ts"
      );
      return await runTokenCommand(context, {
        command,
        source,
        timeoutSeconds: timeoutSeconds(options),
      });
    },
    now: () => context.now(),
    random: () => context.random(),
    warn: (line) => output.warn(line),
    timeoutSeconds: timeoutSeconds(options),
  };
}
