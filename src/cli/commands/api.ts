import type { AgentCommandOptions } from "../command_line/shared_options.ts";
import {
  type Command,
  flag,
  type OptionsOf,
  text,
  texts,
} from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { interruptibly } from "../../process/interrupt.ts";
import type {
  HttpAnswer,
  HttpRequest,
  HttpStream,
} from "../../http/messages.ts";
import { Output, plainText } from "../output.ts";
import { namesSecret, treatAsSecret } from "../../secret.ts";
import type { Session } from "../session/session.ts";

/** How much of a failure's body is read to tell what it means, in bytes. */
const PROBLEM_LIMIT = 64 * 1024;
/** Headers that are the client's own business. */
const OWN_HEADERS = ["authorization", "coder-session-token", "host"];

const OPTIONS = {
  method: text("method", "The method.", {
    short: "X",
    default: "GET; POST with fields or input",
    choices: ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
  }),
  field: texts("field", "Add name=value to the body or query.", {
    short: "f",
  }),
  input: text("file", "File with the body; - for standard input.", {
    choices: "files",
  }),
  header: texts("header", "A name:value of a header; repeatable.", {
    short: "H",
    note: "As name=value: as other commands take it.",
  }),
  include: flag("Also print the status and headers.", { short: "i" }),
};

/** The options of `api`. */
export type ApiOptions = AgentCommandOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl api <path>`: one authenticated request. */
export const api: Command<ApiOptions> = {
  arguments: ["path"],
  options: OPTIONS,
  takesAgent: true,
  examples: [
    ["Read", "nanoctl api /v1/me"],
    ["Send JSON", "nanoctl api /v1/things -f name=thing -f colour=blue"],
    ["Send a file", "nanoctl api /v1/things -X PUT --input thing.json"],
  ],
  usesToken: "sends",
  run: (context, options, [path = ""]) => runApi(context, options, path),
};

/**
 * Sends the request and prints the body as it comes.
 *
 * Throws `usage` for options that don't fit, `failed` for a status of 300 and
 * more that has no code of its own, `service_response` for a web page in the
 * API's place, and what the session throws.
 */
export async function runApi(
  context: Context,
  options: ApiOptions,
  path: string,
): Promise<void> {
  const { openAgentOrPersonSession } = await import(
    "../session/agent_session.ts"
  );
  const output = new Output(context, options);
  const fields = (options.field ?? []).map(parseField);
  const [headers, ofService] = ownHeaders(options.header ?? []);
  const session = await openAgentOrPersonSession(
    context,
    { ...options, header: ofService },
    output,
  );
  const { withRefusalHint } = await import("../session/session.ts");
  const { isWebPage } = await import("../../http/web_page.ts");
  const input = await readInput(context, options.input);
  const request = buildRequest(
    options,
    pathBelow(path, session.target.url),
    fields,
    input,
  );
  hideSecrets(request.path, [...fields, ...headers]);
  await withRefusalHint(session, async () => {
    const answer = await session.client.stream({ ...request, headers });
    if (options.include) await output.data(headText(answer));
    const start = await printBody(output, answer);
    const { status, leftOrigin } = answer;
    // The service's own pages are what was asked for, those of another host are not.
    const isPage = isWebPage({ ...answer, text: start });
    if (status < 200 || status >= 300 || leftOrigin && isPage) {
      throw failure(session, request, { ...answer, text: start }, isPage);
    }
  });
}

/** A service's error may repeat what it was sent. */
function hideSecrets(path: string, named: [string, string][]): void {
  const query = new URLSearchParams(path.split("?").slice(1).join("?"));
  for (const [name, value] of [...query, ...named]) {
    if (namesSecret(name)) treatAsSecret(value);
  }
}

function buildRequest(
  { method }: ApiOptions,
  path: string,
  fields: [string, string][],
  input: Uint8Array<ArrayBuffer> | undefined,
): HttpRequest {
  const hasBody = input !== undefined || fields.length > 0;
  const verb = parseMethod(method ?? (hasBody ? "POST" : "GET"));
  if (input !== undefined && (verb === "GET" || verb === "HEAD")) {
    throw new NanoctlError(
      "usage",
      `a ${verb} has no body, and --input gives one`,
      "give another method with --method, or fields for the query",
    );
  }
  if (input !== undefined) {
    return { method: verb, path: withQuery(path, fields), body: input };
  }
  if (verb === "GET" || verb === "HEAD") {
    return { method: verb, path: withQuery(path, fields) };
  }
  return fields.length === 0
    ? { method: verb, path }
    : { method: verb, path, json: Object.fromEntries(fields) };
}

/** A path below the service's URL; a whole URL only where it is the service's own. */
function pathBelow(path: string, baseUrl: string): string {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(path)
    ? path
    : `${baseUrl}${path.startsWith("/") ? "" : "/"}${path}`;
  // What is behind # is for a browser, and a query behind it would be lost.
  const url = URL.parse(whole)?.href.replace(/#.*$/s, "") ?? "";
  if (url === baseUrl || url.startsWith(`${baseUrl}/`)) {
    return url.slice(baseUrl.length) || "/";
  }
  throw new NanoctlError(
    "usage",
    `that is not below ${baseUrl}, and the token is for nothing else`,
    "give a path, or name the other service with --url",
  );
}

function withQuery(path: string, fields: [string, string][]): string {
  if (fields.length === 0) return path;
  const query = new URLSearchParams(fields).toString();
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

function parseMethod(method: string): string {
  if (/^(?!CONNECT$|TRAC[EK]$)[A-Z]{1,20}$/i.test(method)) {
    return method.toUpperCase();
  }
  throw new NanoctlError("usage", "what --method gives is not an HTTP method");
}

function parseField(field: string): [string, string] {
  const equals = field.indexOf("=");
  if (equals > 0) return [field.slice(0, equals), field.slice(equals + 1)];
  throw new NanoctlError(
    "usage",
    "a field is not of the form name=value",
    "such as -f name=value",
  );
}

/** The headers of this request alone, `name:value`, and those of every request, `name=value`. */
function ownHeaders(
  given: string[],
): [own: [string, string][], rest: string[]] {
  const isOwn = (header: string): boolean => !/^[^:]*=/.test(header);
  return [
    given.filter(isOwn).map(parseHeader),
    given.filter((header) => !isOwn(header)),
  ];
}

function parseHeader(header: string): [string, string] {
  const [, name, value] = header.match(
    /^([\w!#$%&'*+.^`|~-]+)\s*:\s*([\t\x20-\x7e\x80-\xff]*)$/,
  ) ?? [];
  if (!name || value === undefined) {
    throw new NanoctlError(
      "usage",
      "a header is not of the form name:value",
      "such as -H 'accept: text/plain'",
    );
  }
  if (!OWN_HEADERS.includes(name.toLowerCase())) return [name, value];
  throw new NanoctlError(
    "usage",
    `the header ${name} is nanoctl's own`,
    "give the token with --token, --token-file or the environment",
  );
}

async function readInput(
  context: Context,
  input: string | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (input === undefined) return undefined;
  if (input === "-") return await context.stdin.readAll(Infinity);
  try {
    return await interruptibly(() => Deno.readFile(input));
  } catch {
    throw new NanoctlError("usage", `the file ${input} can't be read`);
  }
}

function headText({ status, headers }: HttpStream): string {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  return [`HTTP ${status}`, ...lines].map(plainText).join("\n") + "\n";
}

/** Prints the body unchanged, whatever it is; of what may be a failure's it keeps the start. */
async function printBody(
  output: Output,
  answer: HttpStream,
): Promise<string> {
  const decoder = new TextDecoder();
  let start = "";
  for await (const chunk of answer.chunks) {
    await output.bytes(chunk);
    if (
      (answer.status >= 300 || answer.leftOrigin) &&
      start.length < PROBLEM_LIMIT
    ) {
      start += decoder.decode(chunk, { stream: true });
    }
  }
  return start;
}

function failure(
  { service, provider }: Session,
  { method = "GET" }: HttpRequest,
  answer: HttpAnswer,
  isPage: boolean,
): NanoctlError {
  const { status, url, leftOrigin } = answer;
  if (
    [101, 401, 403, 429].includes(status) || status >= 500 || leftOrigin ||
    isPage
  ) return service.problem(answer, provider.source);
  return new NanoctlError(
    "failed",
    `${method} ${url.pathname} was answered with the status ${status}`,
  );
}
