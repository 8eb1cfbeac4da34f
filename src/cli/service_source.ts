import { NanoctlError } from "../errors.ts";
import type { HttpStream } from "../http/messages.ts";
import type { Context } from "../process/context.ts";
import type { ServiceDescription } from "../services/description/schema.ts";
import type { GlobalOptions } from "./command_line/shared_options.ts";
import type { Output } from "./output.ts";

/** A description, and the exact bytes that it was read from. */
export interface Source {
  description: ServiceDescription;
  bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the bytes, in hex. */
  digest: string;
  /** Whether somebody else served it. */
  isRemote: boolean;
}

/**
 * Reads the description in a file or at a URL, and checks it.
 *
 * Throws `usage` for one that is none or can't be read, `service_response` where
 * the URL has none, and what the client throws.
 */
export async function readSource(
  context: Context,
  options: GlobalOptions,
  output: Output,
  source: string,
): Promise<Source> {
  const isRemote = /^https?:/i.test(source);
  const bytes = isRemote
    ? await download(context, options, output, source)
    : await readDescriptionFile(source);
  const { parseDescription } = await import(
    "../services/description/parse.ts"
  );
  const { digestOf } = await import("../store/service_files.ts");
  return {
    description: parseDescription(bytes, isRemote ? "what is there" : source),
    bytes,
    digest: await digestOf(bytes),
    isRemote,
  };
}

/** The bytes of a file, as many as a description can have and one more. Throws `usage`. */
export async function readDescriptionFile(
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const { DESCRIPTION_LIMIT } = await import(
    "../services/description/schema.ts"
  );
  const { readAtMost } = await import("../read_at_most.ts");
  const { whyUnreadable } = await import("../tokens/file.ts");
  try {
    return (await readAtMost(path, DESCRIPTION_LIMIT)).bytes;
  } catch (error) {
    throw new NanoctlError(
      "usage",
      `${path} can't be read: ${whyUnreadable(error)}`,
      "give the path or the URL of a service's description",
    );
  }
}

async function download(
  context: Context,
  options: GlobalOptions,
  output: Output,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const url = await checkedUrl(text);
  const { downloadClient } = await import("./session/session.ts");
  const client = await downloadClient(context, options, output, url.origin);
  const answer = await client.stream({ path: `${url.pathname}${url.search}` });
  try {
    await checkedUrl(answer.url.href);
    if (answer.status === 200) return await readBody(answer);
  } finally {
    await answer.cancel().catch(() => {});
  }
  throw new NanoctlError(
    "service_response",
    `${url.origin} has no description there (status ${answer.status})`,
    "check the URL",
  );
}

/** Where anybody on the way could change it, a description is not fetched. */
async function checkedUrl(text: string): Promise<URL> {
  const { isLoopback } = await import("../http/service_url.ts");
  const url = URL.parse(text);
  const isSafe = url?.protocol === "https:" ||
    url?.protocol === "http:" && isLoopback(url.hostname);
  if (url && isSafe && !url.username && !url.password) return url;
  throw new NanoctlError(
    "usage",
    url && !isSafe
      ? `a description is not fetched over plain http from ${url.host}`
      : "that is not the URL of a description",
    "give an https URL without a user name or password",
  );
}

async function readBody(
  { chunks }: HttpStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const { DESCRIPTION_LIMIT } = await import(
    "../services/description/schema.ts"
  );
  const bytes = new Uint8Array(DESCRIPTION_LIMIT + 1);
  let length = 0;
  for await (const chunk of chunks) {
    const fitting = chunk.subarray(0, bytes.length - length);
    bytes.set(fitting, length);
    length += fitting.length;
    if (length === bytes.length) break;
  }
  return bytes.slice(0, length);
}
