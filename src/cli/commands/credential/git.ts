import type { AgentCommandOptions } from "../../command_line/shared_options.ts";
import { type Command, flag, type OptionsOf } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { NanoctlError } from "../../../errors.ts";
import { Output } from "../../output.ts";
import type { GitAnswer, GitRequest } from "../../../tools/git.ts";

const OPTIONS = {
  setup: flag("Add nanoctl to git's configuration."),
  teardown: flag("Remove it from there."),
};

/** The options of `credential git`. */
export type CredentialGitOptions =
  & AgentCommandOptions
  & OptionsOf<typeof OPTIONS>;

/** `nanoctl credential git`: git's credential helper, and its GIT_ASKPASS. */
export const credentialGit: Command<CredentialGitOptions> = {
  description:
    "For the hosts of external providers and of the service itself. Answers get\n" +
    "and ignores store and erase: the service keeps the tokens.",
  arguments: ["action?", "question?"],
  options: OPTIONS,
  takesAgent: true,
  examples: [
    ["Set git up", "nanoctl credential git --setup"],
    ["As another profile", "nanoctl credential git --setup --profile work"],
    ["Undo", "nanoctl credential git --teardown"],
  ],
  usesToken: "sends",
  runsPrograms: ({ setup, teardown }) => setup === true || teardown === true,
  run: (context, options, [action = "", question = ""]) =>
    runCredentialGit(context, options, action, question),
};

/**
 * Answers git.
 *
 * Throws `usage` for what is not git's, `external_auth_required` if someone must
 * authenticate with the provider first, `failed` for a question about a host that
 * is not the service's or a provider's, and what the session throws.
 */
export async function runCredentialGit(
  context: Context,
  options: CredentialGitOptions,
  action: string,
  question: string,
): Promise<void> {
  const output = new Output(context, options);
  if (options.setup || options.teardown) {
    const { setUpGit } = await import("../../git_config.ts");
    return await setUpGit(context, options, output, action);
  }
  const git = await import("../../../tools/git.ts");
  if (action === "askpass") {
    const { wants, request } = git.readQuestion(question);
    const answer = await answerTo(context, options, output, request);
    if (!answer) throw unknownHost(request);
    return await output.data(answer[wants]);
  }
  if (question !== "" || action === "") {
    throw new NanoctlError(
      "usage",
      "it is git that calls this, with an action",
      "set it up with 'nanoctl credential git --setup'",
    );
  }
  const { pipedText } = await import("../../piped_text.ts");
  const text = await pipedText(context.stdin, REQUEST_LIMIT);
  // Others are to be ignored (gitcredentials(7)); git sends a new request where a token was refused.
  if (action !== "get") return;
  const request = git.readRequest(text);
  const answer = await answerTo(context, options, output, request);
  if (answer) await output.data(git.writeAnswer(answer));
}

/** More than git writes, in bytes. */
const REQUEST_LIMIT = 64 * 1024;

/** The login for a host; undefined for one that is neither the service's nor a provider's. */
async function answerTo(
  context: Context,
  options: CredentialGitOptions,
  output: Output,
  request: GitRequest,
): Promise<GitAnswer | undefined> {
  const { hostUrl, loginForHost } = await import("../../host_login.ts");
  const url = hostUrl(request);
  if (!url) return undefined;
  const found = await loginForHost(context, options, output, url);
  if (!found) return undefined;
  const { usernameFor } = await import("../../../tools/git.ts");
  const { login, username } = found;
  return {
    username: username ?? request.username ?? usernameFor(request.host),
    password: login.secret.reveal(),
    expiresAt: login.expiresAt,
  };
}

function unknownHost({ protocol, host }: GitRequest): NanoctlError {
  return new NanoctlError(
    "failed",
    `${protocol}://${host} is neither the service nor one of its providers`,
    "see 'nanoctl external-auth list'",
  );
}
