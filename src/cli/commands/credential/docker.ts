import {
  type AgentCommandOptions,
  KEY_SOURCE,
} from "../../command_line/shared_options.ts";
import { type Command, type OptionsOf, text } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { hasCode, NanoctlError } from "../../../errors.ts";
import { ExitCode } from "../../exit_code.ts";
import { Output, plainText } from "../../output.ts";
import { withoutSecrets } from "../../../secret.ts";
import type { CredentialStore } from "../../../store/credential_store.ts";
import type { DockerLogin } from "../../../tools/docker.ts";

const OPTIONS = {
  keySource: text("source", "Where to keep the key of a new file.", KEY_SOURCE),
};

/** The options of `credential docker`. */
export type CredentialDockerOptions =
  & AgentCommandOptions
  & OptionsOf<typeof OPTIONS>;

/** `nanoctl credential docker`: docker's credential helper, for skopeo and podman too. */
export const credentialDocker: Command<CredentialDockerOptions> = {
  description:
    "Docker calls it as docker-credential-nanoctl, a link to nanoctl in a folder\n" +
    "of PATH. The action is store, get, erase, list or version. A registry that\n" +
    "has no stored login gets the token of the external provider that the\n" +
    "service has for its host.",
  arguments: ["action"],
  options: OPTIONS,
  takesAgent: true,
  examples: [
    [
      "In a folder of PATH",
      'ln -s "$(which nanoctl)" docker-credential-nanoctl',
    ],
    ["See what is stored", "nanoctl credential docker list"],
  ],
  writesStore: ([action = ""]) => ["store", "erase"].includes(action),
  usesToken: "sends",
  run: (context, options, [action = ""]) =>
    runCredentialDocker(context, options, action),
};

/**
 * Answers docker. What it expects a helper to say goes to stdout, with exit code 1.
 *
 * Throws `usage` for what is not docker's, `external_auth_required` if someone
 * must authenticate with the provider first, and what the store and the session
 * throw; docker is told the message on stdout.
 */
export async function runCredentialDocker(
  context: Context,
  options: CredentialDockerOptions,
  action: string,
): Promise<void> {
  const output = new Output(context, options);
  const { DockerRefusal } = await import("../../../tools/docker.ts");
  try {
    const answer = await answerTo(context, options, output, action);
    if (answer !== undefined) await output.data(answer);
  } catch (error) {
    const isRefusal = error instanceof DockerRefusal;
    if (isRefusal || error instanceof NanoctlError) {
      await output.data(withoutSecrets(plainText(error.message)));
    }
    throw isRefusal ? new ExitCode(1) : error;
  }
}

async function answerTo(
  context: Context,
  options: CredentialDockerOptions,
  output: Output,
  word: string,
): Promise<string | undefined> {
  const docker = await import("../../../tools/docker.ts");
  const action = docker.readAction(word);
  if (action === "version") {
    const { VERSION } = await import("../../../version.ts");
    return docker.writeVersion(VERSION);
  }
  const { CredentialStore } = await import(
    "../../../store/credential_store.ts"
  );
  const store = new CredentialStore(context);
  if (action === "list") {
    return docker.writeList(await (await store.read()).registries());
  }
  const { pipedText } = await import("../../piped_text.ts");
  const input = await pipedText(context.stdin, INPUT_LIMIT);
  if (action === "store") {
    await storeLogin(store, options, docker.readLogin(input));
    return undefined;
  }
  const server = docker.readServer(input);
  if (action === "erase") {
    await store.removeRegistry(server);
    return undefined;
  }
  const login = await (await store.read()).openRegistry(server) ??
    await loginOfService(context, options, output, server);
  if (!login) throw docker.notFound();
  return docker.writeLogin(login);
}

/** More than docker writes, in bytes. */
const INPUT_LIMIT = 256 * 1024;

/** Throws `usage` if a secret would be stored where it is not encrypted, and what storing throws. */
async function storeLogin(
  store: CredentialStore,
  { keySource }: CredentialDockerOptions,
  login: DockerLogin,
): Promise<void> {
  const { server, username } = login;
  if ([server, username].some((text) => withoutSecrets(text) !== text)) {
    throw new NanoctlError(
      "usage",
      "the server URL or the user name holds a secret, and neither is encrypted",
      "log in with a user name that is no secret",
    );
  }
  const { parseKeyChoice } = await import("../../../store/key_choice.ts");
  await store.saveRegistry(
    login,
    keySource === undefined ? undefined : parseKeyChoice(keySource),
  );
}

/** The login for the host of a registry, as git gets it; undefined for one that is neither the service's nor a provider's, and if not logged in. */
async function loginOfService(
  context: Context,
  options: CredentialDockerOptions,
  output: Output,
  server: string,
): Promise<DockerLogin | undefined> {
  const { hostIn } = await import("../../../tools/docker.ts");
  const { hostUrl, loginForHost } = await import("../../host_login.ts");
  const host = hostIn(server);
  const url = host && hostUrl(host);
  if (!url) return undefined;
  try {
    const found = await loginForHost(context, options, output, url);
    if (!found) return undefined;
    const { usernameFor } = await import("../../../tools/git.ts");
    return {
      server,
      username: found.username ?? usernameFor(url.host),
      secret: found.login.secret,
    };
  } catch (error) {
    if (!hasCode(error, "not_logged_in")) throw error;
    await output.detail(error.message);
    return undefined;
  }
}
