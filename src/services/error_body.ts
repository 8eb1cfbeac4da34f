import type { HttpAnswer } from "../http/messages.ts";

/** The body as JSON where it is an object, for reading an error out of it. */
export function errorBody(answer: HttpAnswer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(answer.text);
    return typeof body === "object" && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}
