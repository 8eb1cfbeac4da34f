import { NanoctlError } from "../../errors.ts";
import { DEFAULT_TIMEOUT_SECONDS } from "../../tokens/command.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";

/** How long a request may take, in seconds. Throws `usage` for a bad `--timeout`. */
export function timeoutSeconds({ timeout }: GlobalOptions): number {
  const seconds = timeout ?? DEFAULT_TIMEOUT_SECONDS;
  if (seconds > 0 && seconds <= 86_400) return seconds;
  throw new NanoctlError(
    "usage",
    `--timeout ${seconds} is not a time limit`,
    "give seconds, more than 0 and at most 86400",
  );
}
