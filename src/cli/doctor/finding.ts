import type { ErrorCode, NanoctlError } from "../../errors.ts";

/** What a check found. Its texts may hold secrets until they are printed. */
export type Finding =
  | { result: "ok"; message: string }
  | { result: "warning"; message: string; remedy: string }
  | { result: "skipped"; message: string; remedy?: string | undefined }
  | {
    result: "failed";
    message: string;
    remedy: string | undefined;
    /** The code of the error that a command would end with. */
    code: ErrorCode;
  };

/** All is well. */
export function ok(message: string): Finding {
  return { result: "ok", message };
}

/** Commands work, but not as somebody may expect. */
export function warning(message: string, remedy: string): Finding {
  return { result: "warning", message, remedy };
}

/** The check was not made; `why` completes "not checked, as …". */
export function skipped(why: string, remedy?: string): Finding {
  return { result: "skipped", message: `not checked, as ${why}`, remedy };
}

/** Commands end with this error. */
export function failed({ message, hint, code }: NanoctlError): Finding {
  return { result: "failed", message, remedy: hint, code };
}
