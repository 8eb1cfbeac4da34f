import { serviceLabel } from "../../services/names.ts";
import { serviceHeaders } from "../session/service_headers.ts";
import { serviceOf } from "../session/services.ts";
import { isOfStore, type UrlSource } from "../session/target.ts";
import { timeoutSeconds } from "../session/timeout.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok, skipped } from "./finding.ts";

/** Which service commands ask, and what says so; whether the options for its requests are right. */
export async function checkService(facts: Facts): Promise<Finding> {
  const { context, options } = facts;
  const resolved = await facts.target().catch(async (error) => {
    const canRead = await facts.snapshot().then(() => true, () => false);
    if (canRead || !isOfStore(error)) throw error;
    return undefined;
  });
  if (!resolved) {
    return skipped(
      "the credential file, which may say it, can't be read",
      "name the service with --url or NANOSERVICES_URL",
    );
  }
  const { target: { url, service, profile }, urlSource } = resolved;
  timeoutSeconds(options);
  const headers = serviceHeaders(
    context,
    options,
    await serviceOf(context, service),
  )
    .map(({ name, source }) => `, with the header ${name} (${source})`);
  return ok(
    `${url} (${serviceLabel(service)}), ${sourceText(urlSource, profile)}${
      headers.join("")
    }`,
  );
}

function sourceText(source: UrlSource, profile: string): string {
  switch (source) {
    case "profile":
      return `of profile ${profile}`;
    case "service":
      return "the service's own";
    case "default":
      return "the default";
    default:
      return `from ${source}`;
  }
}
