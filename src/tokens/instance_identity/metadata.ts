import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { WEB_PAGE } from "../../http/web_page.ts";
import type { HttpAnswer, HttpRequest } from "../../http/messages.ts";
import type { HttpClient } from "../../http/client.ts";

/** The variables that lead each cloud's own SDK, and us, to its metadata service. */
export const METADATA_VARIABLES = {
  aws: "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  azure: "AZURE_METADATA_ENDPOINT",
  google: "GCE_METADATA_HOST",
} as const;

/** One cloud's metadata service. */
export interface MetadataService {
  /** As a message names it, such as `the AWS metadata service`. */
  name: string;
  /** The cloud as a message names it. */
  cloud: string;
  /** The variable that moves it, which the cloud's own SDK reads too. */
  variable: string;
}

/**
 * The URL of a metadata service: what its variable says, else the default.
 *
 * Throws `usage` when the variable holds no http URL.
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
 * What a metadata service answers with 200, to the byte: it may be signed.
 *
 * Throws `network…` where nothing answers, which off that cloud is the rule,
 * and `service_response` for any other status, a redirect, a page or nothing.
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
  // By its body alone: Google's sends its tokens, and AWS' its errors, as HTML.
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

/** The metadata service is not what we take it for. Exit 6. */
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
