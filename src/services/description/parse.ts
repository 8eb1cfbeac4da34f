import * as v from "valibot";
import { NanoctlError } from "../../errors.ts";
import {
  DESCRIPTION_LIMIT,
  descriptionSchema,
  type ServiceDescription,
} from "./schema.ts";

/** Something is no description of a service. */
export class DescriptionError extends NanoctlError {}

/**
 * Reads a description. `source` names it in errors.
 *
 * Throws `usage`, as a {@linkcode DescriptionError}, naming the field that is wrong, or what else it is.
 */
export function parseDescription(
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
): ServiceDescription {
  if (bytes.length > DESCRIPTION_LIMIT) {
    throw notOne(source, `it is longer than ${DESCRIPTION_LIMIT} bytes`);
  }
  const result = v.safeParse(descriptionSchema, json(bytes, source));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw notOne(
    source,
    `${v.getDotPath(issue) ?? "the whole"}: ${fault(issue)}`,
  );
}

function json(bytes: Uint8Array<ArrayBuffer>, source: string): unknown {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw notOne(source, "it is not JSON in UTF-8");
  }
}

/** What is wrong, and never what was there: the file may be one with secrets in it. */
function fault(issue: v.BaseIssue<unknown>): string {
  const { type, input, expected, message } = issue;
  if (input === undefined) return "it is missing";
  if (type === "strict_object" && expected === "never") {
    return "there is no such field";
  }
  return type === "check" || type === "regex"
    ? message
    : `it has to be ${expected ?? "something else"}`;
}

function notOne(source: string, reason: string): DescriptionError {
  return new DescriptionError(
    "usage",
    `${source} is no description of a service: ${reason}`,
    "docs/services.md says what one looks like",
  );
}
