import type { ServiceDescription } from "./schema.ts";

/** The base of the API of the service at a URL, without a trailing slash. */
export function apiOf(
  { url: usual, api = "{url}", api_of_url }: Pick<
    ServiceDescription,
    "url" | "api" | "api_of_url"
  >,
  url: string,
): string {
  if (api_of_url !== undefined && url === usual) return api_of_url;
  return api.replace("{url}", () => url);
}

/** The URL that a person gave, of the base of the API there. */
export function siteOf(
  { url, api = "{url}", api_of_url }: Parameters<typeof apiOf>[0],
  base: string,
): string {
  if (url !== undefined && base === api_of_url) return url;
  const path = api.replace("{url}", "");
  return api.startsWith("{url}") && base.endsWith(path)
    ? base.slice(0, base.length - path.length)
    : base;
}

/** A template as the URL for the service at a URL. */
export function urlOf(
  description: Pick<ServiceDescription, "url" | "api" | "api_of_url">,
  template: string,
  url: string,
): string {
  return template
    .replace("{url}", () => url)
    .replace("{api}", () => apiOf(description, url));
}

/** The origins that a description names, beside that of the URL that a person gives. */
export function originsOf(description: ServiceDescription): string[] {
  const { url, api, api_of_url, account, revoke, renew, device } = description;
  const bases = [...account, revoke, renew].map((request) =>
    request && "base" in request ? request.base : undefined
  );
  const named = [
    ...bases,
    url,
    api,
    api_of_url,
    device?.device_authorization_endpoint,
    device?.token_endpoint,
    device?.revocation_endpoint,
  ].filter((text) => text?.startsWith("http"));
  return [...new Set(named.map((text) => new URL(text ?? "").origin))];
}
