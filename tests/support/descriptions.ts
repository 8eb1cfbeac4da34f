import { parseDescription } from "../../src/services/description/parse.ts";
import type { ServiceDescription } from "../../src/services/description/schema.ts";

/** What a description has to say, and nothing besides. */
export const LEAST: Record<string, unknown> = {
  name: "garden",
  title: "Garden",
  present: [{ header: "x-garden-key", value: "{token}" }],
  token_page: "{url}/keys",
  account: [{ path: "/api/me", username: [{ field: "who.name" }] }],
  revoke: { impossible: "delete it at {url}/keys" },
};

/** A description with these fields, as JSON in UTF-8. */
export function descriptionBytes(
  fields: Record<string, unknown> = {},
): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ ...LEAST, ...fields }));
}

/** A description with these fields, as it is read. Throws as reading it does. */
export function described(
  fields: Record<string, unknown> = {},
): ServiceDescription {
  return parseDescription(descriptionBytes(fields), "the test's");
}
