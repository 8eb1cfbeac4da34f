import { hasCode, NanoctlError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { isWebPage } from "../../http/web_page.ts";
import { BUILT_IN } from "../builtin/index.ts";
import type { ServiceName } from "../names.ts";
import { holds, read, type ReadAnswer } from "./places.ts";
import type { Conditions } from "./schema.ts";
import { apiOf } from "./urls.ts";

/** An unauthenticated request, and what its answer has to be like. */
interface Probe {
  service: ServiceName;
  url: string;
  all: readonly Conditions[];
}

/** What tells the services that are no descriptions. */
const OWN: readonly {
  service: ServiceName;
  path: string;
  all: Conditions[];
}[] = [
  {
    service: "coder",
    path: "/api/v2/buildinfo",
    all: [{ field: "external_url" }, { field: "version" }],
  },
  {
    service: "oauth",
    path: "/.well-known/openid-configuration",
    all: [{ status: [200], field: "issuer" }, { field: "token_endpoint" }],
  },
  {
    service: "oauth",
    path: "/.well-known/oauth-authorization-server",
    all: [{ status: [200], field: "issuer" }, { field: "token_endpoint" }],
  },
];

/**
 * Which service is at the client's URL, by requests without a token alone;
 * undefined if it is none that we know.
 *
 * Throws what the client throws, if nothing answers there at all.
 */
export async function recognize(
  client: HttpClient,
): Promise<ServiceName | undefined> {
  const own = await client.send({ path: "/v1/me" })
    .catch((error) => {
      if (hasCode(error, "service_response")) return undefined;
      throw error;
    });
  // The login itself says what is wrong with it.
  if (!own || own.leftOrigin || own.status === 429 || own.status >= 500) {
    return undefined;
  }
  if (isNanoservices(read(own))) return "nanoservices";
  const probes = [
    ...await describedProbes(client.baseUrl),
    ...OWN.map(
      ({ service, path, all }) => ({
        service,
        all,
        url: `${client.baseUrl}${path}`,
      }),
    ),
  ];
  const asked = new Map<string, Promise<HttpAnswer | undefined>>();
  for (const { url } of probes) {
    if (!asked.has(url)) asked.set(url, ask(client, url));
  }
  for (const { service, url, all } of probes) {
    const answer = await asked.get(url);
    if (!answer || answer.leftOrigin || isWebPage(answer)) continue;
    const found = read(answer);
    if (all.every((conditions) => holds(found, conditions))) return service;
  }
  return undefined;
}

/** Its errors have a code (RFC 9457), which a request without a token gets to see. */
function isNanoservices(found: ReadAnswer): boolean {
  return holds(found, { status: [401], field: "code" }) ||
    holds(found, { status: [200], field: "username" });
}

async function describedProbes(url: string): Promise<Probe[]> {
  const descriptions = await Promise.all(
    Object.values(BUILT_IN).map((load) => load()),
  );
  return descriptions.flatMap((description) =>
    (description.recognize ?? []).map(({ path, all }) => ({
      service: description.name,
      url: `${apiOf(description, url)}${path}`,
      all,
    }))
  );
}

/** The answer to one request; undefined if there is none, which says nothing of the service. */
async function ask(
  client: HttpClient,
  url: string,
): Promise<HttpAnswer | undefined> {
  const { origin, pathname, search } = new URL(url);
  try {
    return await client.at(origin).send({ path: `${pathname}${search}` });
  } catch (error) {
    if (error instanceof NanoctlError) return undefined;
    throw error;
  }
}
