import type { Context, Prompts } from "./context.ts";
import { Interrupt } from "./interrupt.ts";
import { outputStream, standardInput } from "./streams.ts";
import { ownOs } from "./system/systems.ts";
import { bypassProxyForLoopback, variable } from "./variables.ts";

/** The context of the running process, with this way of asking a person. */
export function systemContext(prompts: Prompts): Context {
  const inherited = bypassProxyForLoopback();
  const interrupt = new Interrupt();
  return {
    env: {
      get: variable,
      toObject: () => inherited ?? Deno.env.toObject(),
    },
    stdin: standardInput,
    stdout: outputStream(Deno.stdout),
    stderr: outputStream(Deno.stderr),
    prompts,
    fetch: globalThis.fetch,
    now: () => new Date(),
    sleep,
    random: Math.random,
    get signal(): AbortSignal {
      return interrupt.signal;
    },
    get interrupted(): Promise<never> {
      return interrupt.promise;
    },
    releaseInterrupt: () => interrupt.release(),
    os: ownOs,
  };
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
  });
}
