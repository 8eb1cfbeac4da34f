import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { WEB_PAGE } from "../../http/web_page.ts";
import type { HttpAnswer, HttpRequest } from "../../http/messages.ts";
import type { HttpClient } from "../../http/client.ts";

/** The variables that override the metadata service's URL, as in each cloud's SDK. */
export const METADATA_VARIABLES = {
  aws: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  azure: "AZURE_METADATA_ENDPOINT",
  google: "GCE_METADATA_HOST",
} as const;

/** One cloud's metadata service. */
export interface MetadataService {
  /** Its name in messages, such as `the AWS metadata service`. */
  name: string;
  /** The cloud's name in messages. */
  cloud: string;
  /** The variable that overrides its URL; the cloud's own SDK reads it too. */
  variable: string;
}

/**
 * The URL of a metadata service, from its variable or else the default.
 *
 * Throws `usage` if the variable is not an http or https URL.
 */
export function metadataUrl(
  env: Context["env"],
  { variable }: MetadataService,
  fallback: string,
): string {
  const text = env.get(variable) || fallback;
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (
    url && ["http:", "https:"].includes(url.protocol) && !url.username &&
    !url.password && !url.search && !url.hash
  ) return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  throw new NanoctlError(
    "usage",
    `${variable} does not hold the URL of a metadata service`,
    `give it as ${variable}=${fallback}, or unset it`,
  );
}

/**
 * The body of a metadata service's 200 response, unmodified, as it may be
 * signed.
 *
 * Throws `network…` if nothing answers, which is normal outside that cloud, and
 * `service_response` for any other status, a redirect, a web page or an empty
 * body.
 */
export async function askMetadata(
  client: HttpClient,
  request: HttpRequest,
  service: MetadataService,
): Promise<string> {
  const answer = await sent(client, request, service);
  if (answer.status !== 200) {
    throw unusable(
      service,
      client,
      `answered ${
        request.path.replace(/\?.*/s, "")
      } with status ${answer.status}`,
    );
  }
  const { text } = answer;
  if (text.trim() === "") {
    throw unusable(service, client, "answered with nothing");
  }
  // Not by Content-Type: Google labels its tokens, and AWS its errors, as HTML.
  if (text.trimStart().startsWith("<")) {
    throw unusable(service, client, `answered with ${WEB_PAGE}`);
  }
  return text;
}

async function sent(
  client: HttpClient,
  request: HttpRequest,
  service: MetadataService,
): Promise<HttpAnswer> {
  try {
    return await client.send(request);
  } catch (error) {
    if (!(error instanceof NanoctlError) || error.code === "interrupted") {
      throw error;
    }
    throw new NanoctlError(
      error.code,
      `${service.name} can't be used: ${error.message}`,
      notHere(service),
    );
  }
}

/** Whatever answered is not the expected metadata service. Exit 6. */
export function unusable(
  service: MetadataService,
  client: HttpClient,
  what: string,
): NanoctlError {
  return new NanoctlError(
    "service_response",
    `${service.name} at ${client.baseUrl} ${what}`,
    notHere(service),
  );
}

function notHere({ cloud, variable }: MetadataService): string {
  return `this works on ${cloud} instances only; ${variable} names another place for the metadata service`;
}
