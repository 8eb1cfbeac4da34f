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
