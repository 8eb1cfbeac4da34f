import type { AgentCommandOptions } from "../../command_line/shared_options.ts";
import { type Command, type OptionsOf, text } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { NanoctlError } from "../../../errors.ts";
import { Output, plainText } from "../../output.ts";
import type { ExternalAuth, ExternalToken } from "../../../services/service.ts";

const OPTIONS = {
  extra: text("path", "Print an extra field, such as team.id."),
  output: text("format", "Output format: text or json.", {
    short: "o",
    choices: ["text", "json"],
  }),
};

/**
 * What Coder calls a provider of each kind that it knows, unless it is told
 * otherwise. Only the service knows its own, and completion sends no request.
 */
const USUAL_PROVIDERS = [
  "github",
  "gitlab",
  "bitbucket-cloud",
  "bitbucket-server",
  "azure-devops",
  "azure-devops-entra",
  "gitea",
  "jfrog",
  "slack",
];

/** The options of `external-auth access-token`. */
export type AccessTokenOptions =
  & AgentCommandOptions
  & OptionsOf<typeof OPTIONS>;

/** `nanoctl external-auth access-token <provider>`: a provider's token, or where to get one. */
export const accessToken: Command<AccessTokenOptions> = {
  description:
    "If you have to authenticate first, prints the URL for it and exits with 1.",
  arguments: ["provider"],
  argumentChoices: [USUAL_PROVIDERS],
  options: OPTIONS,
  takesAgent: true,
  examples: [
    ["For a script", "nanoctl external-auth access-token github"],
    [
      "A field of it",
      "nanoctl external-auth access-token slack --extra authed_user.id",
    ],
  ],
  usesToken: "sends",
  run: (context, options, [provider = ""]) =>
    runAccessToken(context, options, provider),
};

/**
 * Prints the token, the field, or the URL.
 *
 * Throws `external_auth_required` after it printed the URL, `extra_missing` for
 * a field that is missing or null, `usage` for a path or a provider that is
 * none, `provider_unknown`, and what the session throws.
 */
export async function runAccessToken(
  context: Context,
  options: AccessTokenOptions,
  provider: string,
): Promise<void> {
  const { openAgentOrPersonSession } = await import(
    "../../session/agent_session.ts"
  );
  const output = new Output(context, options);
  if (provider.trim() === "") {
    throw new NanoctlError(
      "usage",
      "the provider's name is empty",
      "see 'nanoctl external-auth list'",
    );
  }
  const isCoders = isCodersJson(options);
  const path = options.extra === undefined
    ? undefined
    : (await import("../../extra_path.ts")).parseExtraPath(options.extra);
  const session = await openAgentOrPersonSession(context, options, output);
  const { withRefusalHint } = await import("../../session/session.ts");
  const auth = await withRefusalHint(
    session,
    () => session.service.externalAuth(session.client, { id: provider }),
  );
  if (isCoders) await output.dataJson(codersJson(auth));
  if (!auth.token) {
    if (!isCoders) {
      await (output.json
        ? output.dataJson(externalAuthJson(auth))
        : output.data(auth.url));
    }
    throw new NanoctlError(
      "external_auth_required",
      `not authenticated with ${provider}`,
      `open ${auth.url} and run this again`,
    );
  }
  if (isCoders) return;
  if (path) return await printExtra(context, output, auth.token, path);
  await (output.json
    ? output.dataJson(externalAuthJson(auth))
    : output.data(auth.token.accessToken.reveal()));
}

/** Whether `--output` asks for the JSON of Coder's own command. */
function isCodersJson({ output, extra }: AccessTokenOptions): boolean {
  if (output === undefined || output === "text") return false;
  if (output !== "json") {
    throw new NanoctlError(
      "usage",
      "--output takes text or json",
      "such as --output json",
    );
  }
  if (extra === undefined) return true;
  throw new NanoctlError(
    "usage",
    "--extra and --output json both say what to print",
    "give one of them",
  );
}

/** The answer as `coder external-auth access-token --output json` prints it. */
function codersJson({ token, url, git }: ExternalAuth): unknown {
  return {
    access_token: token?.accessToken.reveal() ?? "",
    token_extra: token?.extra ?? null,
    url: url ?? "",
    type: git?.type ?? "",
    // How Go writes that there is no date.
    expires_at: token?.expiresAt?.toISOString() ?? "0001-01-01T00:00:00Z",
    username: git?.username.reveal() ?? "",
    password: git?.password.reveal() ?? "",
  };
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
  const { extraAt } = await import("../../extra_path.ts");
  const value = extraAt(extra, path);
  if (output.json || typeof value !== "string") {
    return await output.dataJson(value);
  }
  await output.data(context.stdout.isTerminal ? plainText(value) : value);
}
