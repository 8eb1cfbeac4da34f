import { NanoctlError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import type { HttpAnswer, HttpRequest } from "../../http/messages.ts";
import { sendOk } from "../problem.ts";
import type { DescribedRequest, ServiceDescription } from "./schema.ts";
import { siteOf, urlOf } from "./urls.ts";

/**
 * Sends a described request with the client's token, and gives the answer if it is
 * 2xx; throws `problem`'s error for the rest.
 */
export async function sendDescribed(
  description: ServiceDescription,
  client: HttpClient,
  request: DescribedRequest,
  problem: (answer: HttpAnswer, source: string) => NanoctlError,
): Promise<HttpAnswer> {
  const { base } = request;
  const sent = await requestOf(request, client);
  const site = siteOf(description, client.baseUrl);
  const isAnonymous = request.anonymous && site === description.url;
  if (base === undefined && !isAnonymous) {
    return await sendOk(client, sent, problem);
  }
  const url = base === undefined
    ? client.baseUrl
    : urlOf(description, base, site);
  const source = client.provider?.source ?? "no token";
  return await sendOk(
    client.at(url, isAnonymous ? undefined : client.provider),
    sent,
    (answer) => {
      const error = problem(answer, source);
      // That says nothing of a token that was not presented.
      return isAnonymous && error.code.startsWith("token_")
        ? new NanoctlError(
          "failed",
          `${answer.url.origin} wants a token for it`,
        )
        : error;
    },
  );
}

/** What is sent; `{token}` in it stands for the client's own token. */
async function requestOf(
  { method = "GET", path, json, form }: DescribedRequest,
  client: HttpClient,
): Promise<HttpRequest> {
  const holdsToken = JSON.stringify([path, json, form]).includes("{token}");
  const token = holdsToken ? await client.provider?.getToken() : undefined;
  const text = token?.secret.reveal() ?? "";
  const filled = (value: string): string =>
    value.replaceAll("{token}", () => text);
  return {
    method,
    path: path.replaceAll("{token}", () => encodeURIComponent(text)),
    ...(json ? { json: mapped(json, filled) } : {}),
    ...(form ? formBody(mapped(form, filled)) : {}),
    confidential: holdsToken,
  };
}

function mapped<T extends string | string[]>(
  fields: Record<string, T>,
  filled: (value: string) => string,
): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? filled(value) : value.map(filled),
    ]),
  );
}

function formBody(
  fields: Record<string, string | string[]>,
): Pick<HttpRequest, "body" | "headers"> {
  const form = new URLSearchParams(
    Object.entries(fields).map(([name, value]) => [name, String(value)]),
  );
  return {
    body: new TextEncoder().encode(form.toString()),
    headers: [["content-type", "application/x-www-form-urlencoded"]],
  };
}
