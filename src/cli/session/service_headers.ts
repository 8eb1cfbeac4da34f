import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { Secret, treatAsSecret } from "../../secret.ts";
import type { Service } from "../../services/service.ts";
import { CODER_VARIABLES } from "../../tokens/variables.ts";

/** Headers that the connection and the client set (RFC 9110, sections 7.6.1 and 7.2). */
const OWN_HEADERS = [
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** A header of every request to the service, and the option or variable that gave it. */
export interface ServiceHeader {
  name: string;
  value: string;
  source: string;
}

/** Where the headers come from. */
interface HeaderOptions {
  header?: string[] | undefined;
}

/**
 * The headers of every request to a service behind an access proxy: from
 * `CODER_HEADER` if the service is Coder, and from `--header`, which takes
 * precedence. Their values are secrets.
 *
 * Throws `usage` for a malformed header, and for one that nanoctl sets itself.
 */
export function serviceHeaders(
  { env }: Pick<Context, "env">,
  { header = [] }: HeaderOptions,
  service: Pick<Service, "name" | "present">,
): ServiceHeader[] {
  const variable = service.name === "coder"
    ? env.get(CODER_VARIABLES.header) ?? ""
    : "";
  const found = new Map<string, ServiceHeader>();
  const given: [text: string, source: string][] = [
    [variable, CODER_VARIABLES.header],
    ...header.map((text): [string, string] => [text, "--header"]),
  ];
  for (const [text, source] of given) {
    for (const field of csvFields(text, source)) {
      const one = parseHeader(field, source);
      checkAllowed(one, service);
      found.set(one.name.toLowerCase(), one);
    }
  }
  return [...found.values()];
}

/** The fields of one line of CSV (RFC 4180, section 2), as Coder's own command reads it. */
function csvFields(text: string, source: string): string[] {
  if (text.trim() === "") return [];
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const [whole, quoted, plain, end] = field.exec(text) ?? [];
    if (whole === undefined) throw malformed(source);
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "") return fields;
  }
}

function parseHeader(field: string, source: string): ServiceHeader {
  const [, name, value] =
    /^\s*([\w!#$%&'*+.^`|~-]+)\s*=([\t\x20-\x7e\x80-\xff]*)$/
      .exec(field) ?? [];
  if (!name || value === undefined) throw malformed(source);
  treatAsSecret(value.trim());
  return { name, value: value.trim(), source };
}

function checkAllowed(
  { name, source }: ServiceHeader,
  { present }: Pick<Service, "present">,
): void {
  const [own] = present(new Secret(""));
  const isToken = name.toLowerCase() === own;
  if (!isToken && !OWN_HEADERS.includes(name.toLowerCase())) return;
  throw new NanoctlError(
    "usage",
    `${source} can't give the header ${name}: nanoctl sets it itself`,
    isToken
      ? "give the token with --token, --token-file or the environment"
      : "leave it out",
  );
}

function malformed(source: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `what ${source} gives is not a header of the form name=value`,
    "such as --header X-Access-Id=value; put one with a comma in double quotes",
  );
}
