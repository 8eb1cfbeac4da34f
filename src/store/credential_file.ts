import * as v from "valibot";
import { NanoctlError } from "../errors.ts";
import { FILE_VERSION } from "./envelope.ts";
import { keyInfoSchema, OR_START_ANEW } from "./keys/key_info.ts";

const entrySchema = v.looseObject({
  service: v.string(),
  url: v.pipe(v.string(), v.check(isHttpUrl, "not a URL")),
  account: v.looseObject({ username: v.string() }),
  expires_at: v.nullable(v.pipe(v.string(), v.check(isDate, "not a date"))),
  stored_at: v.pipe(v.string(), v.check(isDate, "not a date")),
  sealed: v.pipe(v.string(), v.base64()),
});

const fileSchema = v.looseObject({
  version: v.literal(FILE_VERSION),
  key: keyInfoSchema,
  active: v.string(),
  // Entries are checked one by one when they are used: there may be thousands.
  profiles: v.custom<Record<string, unknown>>(isObject, "not an object"),
});

/** One profile as the credential file holds it. */
export type FileEntry = v.InferOutput<typeof entrySchema>;

/** The credential file, with whatever a later version of the format added to it. */
export type CredentialFile = v.InferOutput<typeof fileSchema>;

/**
 * Reads the text of a credential file.
 *
 * Throws `file_corrupt` with the path, the reason and what to do.
 */
export function parseFile(text: string, path: string): CredentialFile {
  const data = parseJson(text, path);
  checkVersion(data, path);
  const file = checked(fileSchema, data, path, "");
  const names = Object.keys(file.profiles);
  if (names.length === 0 || Object.hasOwn(file.profiles, file.active)) {
    return file;
  }
  throw corrupt(path, `its active profile ${file.active} is not in it`);
}

/** One profile of the file; undefined when it has none of that name. Throws `file_corrupt`. */
export function entryOf(
  file: CredentialFile,
  profile: string,
  path: string,
): FileEntry | undefined {
  if (!Object.hasOwn(file.profiles, profile)) return undefined;
  return checked(
    entrySchema,
    file.profiles[profile],
    path,
    `profiles.${profile}.`,
  );
}

/** The text of a credential file: indented, for whoever looks into it. */
export function formatFile(file: CredentialFile): string {
  return JSON.stringify(file, null, 2) + "\n";
}

/** The credential file at this path can't be used, and why. */
export function corrupt(path: string, reason: string): NanoctlError {
  return new NanoctlError(
    "file_corrupt",
    `the credential file ${path} can't be used: ${reason}; it was left as it is`,
    `restore it from a backup, ${OR_START_ANEW}`,
  );
}

function parseJson(text: string, path: string): unknown {
  if (text.trim() === "") throw corrupt(path, "it is empty");
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt(path, "it is not JSON, or only a part of it");
  }
}

function checkVersion(data: unknown, path: string): void {
  const result = v.safeParse(v.looseObject({ version: v.number() }), data);
  if (!result.success || result.output.version <= FILE_VERSION) return;
  throw new NanoctlError(
    "file_corrupt",
    `the credential file ${path} has version ${result.output.version}; this nanoctl knows version ${FILE_VERSION}`,
    "update nanoctl, or name another folder with NANOCTL_CONFIG_DIR",
  );
}

function checked<T>(
  schema: v.GenericSchema<unknown, T>,
  data: unknown,
  path: string,
  prefix: string,
): T {
  const result = v.safeParse(schema, data);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const field = `${prefix}${v.getDotPath(issue) ?? ""}`.replace(/\.$/, "");
  const where = field === "" ? "the whole file" : field;
  throw corrupt(path, `${where} is missing or wrong`);
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/./.test(text) && URL.canParse(text);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDate(text: string): boolean {
  return !Number.isNaN(Date.parse(text));
}
