import { hasCode, NanoctlError } from "../errors.ts";
import { parseServiceUrl } from "../http/service_url.ts";
import type { TokenProvider } from "../http/token_provider.ts";
import type { Context } from "../process/context.ts";
import { describedService } from "../services/description/described.ts";
import { DescriptionError } from "../services/description/parse.ts";
import type { ServiceDescription } from "../services/description/schema.ts";
import { pinnedName } from "../services/names.ts";
import type { Service } from "../services/service.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";
import {
  givenProvider,
  resolveProvider,
  type Target,
} from "../tokens/resolve.ts";
import type { GlobalOptions } from "./command_line/shared_options.ts";
import { type KnownDescription, knownDescription } from "./known_services.ts";
import type { Output } from "./output.ts";
import { readSource } from "./service_source.ts";
import { renewingFor } from "./session/renewing.ts";
import { resolveTarget } from "./session/target.ts";

/** A description, where it is tested, and the token to test it with. */
export interface ServiceUnderTest {
  description: ServiceDescription;
  service: Service;
  target: Target;
  snapshot?: StoreSnapshot;
  provider: TokenProvider | undefined;
}

/**
 * What `service test` names: a service, or else a file. The error of a
 * description that is none is given, not thrown: it is what a test finds.
 *
 * Throws `usage` if it is neither, or has no URL, and what resolving the target
 * and its token throw.
 */
export async function serviceUnderTest(
  context: Context,
  options: GlobalOptions,
  output: Output,
  which: string,
): Promise<ServiceUnderTest | NanoctlError> {
  try {
    const known = await knownDescription(context, which);
    if (known) return await ofName(context, options, output, which, known);
    const { description, digest } = await readSource(
      context,
      options,
      output,
      which,
    );
    return ofFile(context, options, description, digest);
  } catch (error) {
    if (error instanceof DescriptionError) return error;
    throw error;
  }
}

async function ofName(
  context: Context,
  options: GlobalOptions,
  output: Output,
  name: string,
  { description }: KnownDescription,
): Promise<ServiceUnderTest> {
  const named = { ...options, service: name };
  const resolved = await resolveTarget(context, named);
  const { target, store, snapshot } = resolved;
  return {
    description,
    service: describedService(description, target.service),
    target,
    snapshot,
    provider: orNone(() =>
      resolveProvider(
        context,
        named,
        target,
        store,
        snapshot,
        renewingFor(context, named, output, target),
      )
    ),
  };
}

/** One that was not added has no login. */
function ofFile(
  context: Context,
  options: GlobalOptions,
  description: ServiceDescription,
  digest: string,
): ServiceUnderTest {
  const given = options.url ?? (context.env.get("NANOSERVICES_URL") ||
    undefined);
  const url = given === undefined ? description.url : parseServiceUrl(given);
  if (url === undefined) throw noUrl(description);
  const name = pinnedName(description.name, digest);
  return {
    description,
    service: describedService(description, name),
    target: { profile: "default", service: name, url },
    provider: orNone(() => givenProvider(context, options)),
  };
}

function noUrl({ title }: ServiceDescription): NanoctlError {
  return new NanoctlError(
    "usage",
    `${title} has no URL of its own`,
    "name one with --url",
  );
}

function orNone(
  find: () => TokenProvider | undefined,
): TokenProvider | undefined {
  try {
    return find();
  } catch (error) {
    if (hasCode(error, "not_logged_in")) return undefined;
    throw error;
  }
}
