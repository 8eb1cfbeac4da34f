import { NanoctlError } from "../../errors.ts";
import { OR_START_ANEW } from "./key_info.ts";

/** The error for a slot whose wrapped key is not what was put into it. */
export function tampered(name: string): NanoctlError {
  return new NanoctlError(
    "file_key",
    `the wrapped key of ${name} does not match its name, its source and the credential file: one of them was changed`,
    `restore the file from a backup, ${OR_START_ANEW}`,
  );
}
