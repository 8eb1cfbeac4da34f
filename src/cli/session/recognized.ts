import type { Context } from "../../process/context.ts";
import { DEFAULT_SERVICE, serviceAt } from "../../services/names.ts";
import { namedService } from "../../tokens/variables.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Output } from "../output.ts";
import { DEFAULT_URL, type ResolvedTarget } from "./target.ts";

/**
 * How much of an answer is read that only says which service it is from, in
 * bytes: 1 MiB. Web pages of that size are there, and more can fill the memory.
 */
const BODY_LIMIT = 1024 * 1024;

/**
 * The target of a login, with the service that is found at its URL if none is
 * named and none is known for it. Says which one it is, unless it is the default.
 *
 * Throws as `plainClient` does, and what its requests throw.
 */
export async function recognizedTarget(
  context: Context,
  options: GlobalOptions,
  output: Output,
  resolved: ResolvedTarget,
): Promise<ResolvedTarget> {
  const { target, snapshot, urlSource } = resolved;
  const isOpen = namedService(context, options) === undefined &&
    ["--url", "NANOSERVICES_URL"].includes(urlSource) &&
    target.url !== DEFAULT_URL && serviceAt(target.url) === undefined &&
    snapshot.find(target.profile)?.url !== target.url;
  if (!isOpen) return resolved;
  const { plainClient } = await import("./session.ts");
  const { serviceOf } = await import("./services.ts");
  const { recognize } = await import(
    "../../services/description/recognize.ts"
  );
  const client = await plainClient(
    context,
    options,
    output,
    target.url,
    await serviceOf(context, DEFAULT_SERVICE),
    { bodyLimit: BODY_LIMIT },
  );
  const service = await recognize(client);
  if (service === undefined || service === target.service) return resolved;
  const { title = service } = (await serviceOf(context, service)).description ??
    {};
  await output.say(`${target.url} is ${title}.`);
  return { ...resolved, target: { ...target, service } };
}
