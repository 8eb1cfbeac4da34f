import type { Context } from "../../process/context.ts";
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
  return {
    connect: async () => {
      const { plainClient } = await import("./session.ts");
      const { serviceOf } = await import("./services.ts");
      const service = await serviceOf(context, target.service);
      return await plainClient(context, options, output, target.url, service);
    },
    prolong: async (secret, source) => {
      const { plainClient, renewAtService } = await import("./session.ts");
      const { serviceOf } = await import("./services.ts");
      const service = await serviceOf(context, target.service);
      return await renewAtService(
        await plainClient(context, options, output, target.url, service),
        service,
        {
          origin: "store",
          source,
          getToken: () => Promise.resolve({ secret }),
        },
      );
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
