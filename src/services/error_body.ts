import { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";

/** The body as JSON if it is an object, else empty; for reading an error from it. */
export function errorBody(answer: HttpAnswer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(answer.text);
    return typeof body === "object" && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}

/** The body as JSON. Throws `service_response` for what is none. */
export function jsonBody(answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch {
    const type = answer.headers.get("content-type") ?? "no content type";
    throw new NanoctlError(
      "service_response",
      `${answer.url.origin} answered with something that is not JSON (${type})`,
      "check that the URL is the service's, not that of a proxy",
    );
  }
}
