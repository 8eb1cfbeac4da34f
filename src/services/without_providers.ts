import { NanoctlError } from "../errors.ts";

/** The error of a service that has neither external providers nor agents. */
export function withoutProviders(what: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `${what} has no external providers and no agents`,
    "name another service with --service",
  );
}
