import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import { Output, plainText } from "../output.ts";
import type { ExternalAuth, ExternalToken } from "../services/service.ts";
import { type AgentCommandOptions, withAgentOptions } from "./agent_options.ts";
import { asCliCommand, type CliCommand } from "./options.ts";

/** The options of `external-auth access-token`. */
export type AccessTokenOptions = AgentCommandOptions & {
  extra?: string | undefined;
};

/** `nanoctl external-auth access-token <provider>`: a provider's token, or where to get one. */
export function accessTokenCommand(context: Context): CliCommand {
  return withAgentOptions(asCliCommand(
    new Command<AgentCommandOptions>()
      .description(
        "Print an access token of an external provider.\n\n" +
          "When someone must authenticate first, it prints the URL at which to do\n" +
          "so and exits with 1.",
      )
      .arguments("<provider:string>")
      .option(
        "--extra <path:string>",
        "Print a field that came along, like team.id.",
      )
      .example("For a script", "nanoctl external-auth access-token github")
      .example(
        "A field of it",
        "nanoctl external-auth access-token slack --extra authed_user.id",
      )
      .action((options, provider: string) =>
        runAccessToken(context, options, provider)
      ),
  ));
}

/**
 * Prints the token, the field, or the URL.
 *
 * Throws `external_auth_required` after it printed a URL, `extra_missing` for
 * a field that is missing or null, `usage` for a path or a provider that is
 * none, `provider_unknown`, and what the session throws.
 */
export async function runAccessToken(
  context: Context,
  options: AccessTokenOptions,
  provider: string,
): Promise<void> {
  const { openAnySession } = await import("./any_session.ts");
  const { withRefusalHint } = await import("./session.ts");
  const output = new Output(context, options);
  if (provider.trim() === "") {
    throw new NanoctlError(
      "usage",
      "the provider's name is empty",
      "see 'nanoctl external-auth list'",
    );
  }
  const path = options.extra === undefined
    ? undefined
    : (await import("./extra_path.ts")).parseExtraPath(options.extra);
  const session = await openAnySession(context, options, output);
  const auth = await withRefusalHint(
    session,
    () => session.service.externalAuth(session.client, { id: provider }),
  );
  if (!auth.token) {
    await (output.json
      ? output.dataJson(externalAuthJson(auth))
      : output.data(auth.url));
    throw new NanoctlError(
      "external_auth_required",
      `not authenticated with ${provider}`,
      `open ${auth.url} and run this again`,
    );
  }
  if (path) return await printExtra(context, output, auth.token, path);
  await (output.json
    ? output.dataJson(externalAuthJson(auth))
    : output.data(auth.token.accessToken.reveal()));
}

function externalAuthJson({ token, url }: ExternalAuth): unknown {
  return {
    access_token: token?.accessToken.reveal() ?? null,
    token_type: token?.tokenType ?? null,
    expires_at: token?.expiresAt?.toISOString() ?? null,
    extra: token?.extra ?? null,
    url: url ?? null,
  };
}

/** Strings as they are, anything else as JSON; a terminal gets nothing that it would obey. */
async function printExtra(
  context: Context,
  output: Output,
  { extra }: ExternalToken,
  path: string[],
): Promise<void> {
  const { extraAt } = await import("./extra_path.ts");
  const value = extraAt(extra, path);
  if (output.json || typeof value !== "string") {
    return await output.dataJson(value);
  }
  await output.data(context.stdout.isTerminal ? plainText(value) : value);
}
