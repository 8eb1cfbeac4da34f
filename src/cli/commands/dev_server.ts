import type { GlobalOptions } from "../command_line/shared_options.ts";
import {
  type Command,
  number,
  type OptionsOf,
  text,
  texts,
} from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import type { DevServer, RunningServer } from "../../dev_server/server.ts";
import { Output } from "../output.ts";
import { expiryText } from "../expiry.ts";
import type { METADATA_VARIABLES } from "../../tokens/instance_identity/metadata.ts";

/** The variable of each cloud that moves its metadata service. */
type Variables = typeof METADATA_VARIABLES;
type Cloud = keyof Variables;

const CLOUDS: readonly Cloud[] = ["aws", "azure", "google"];
/** The services of `src/dev_server/vendors/registry.ts`; a test compares the two. */
const SERVICES: readonly string[] = [
  "github",
  "gitlab",
  "gitea",
  "forgejo",
  "bitbucket",
  "digitalocean",
  "npm",
  "huggingface",
  "vault",
];
const DEFAULT_PORT = 7080;
const DEFAULT_HOST = "127.0.0.1";

const OPTIONS = {
  port: number("port", "The port; 0 picks a free one.", {
    default: `${DEFAULT_PORT}`,
  }),
  host: text("address", "The loopback address.", { default: DEFAULT_HOST }),
  metadata: texts(
    "clouds",
    `Be the metadata service of ${CLOUDS.join(", ")} too.`,
    { note: "Of several: aws,azure.", choices: CLOUDS },
  ),
  as: text(
    "service",
    `Play another service: ${SERVICES.join(", ")}.`,
    { choices: SERVICES },
  ),
};

/** The options of `dev-server`. */
export type DevServerCommandOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl dev-server`: the embedded service, until Ctrl-C. */
export const devServer: Command<DevServerCommandOptions> = {
  description: "Keeps everything in memory and listens on loopback only.",
  options: OPTIONS,
  examples: [
    ["In one terminal", "nanoctl dev-server"],
    ["In a script", "nanoctl dev-server --port 0 --json > service.json &"],
    ["As on an instance of AWS", "nanoctl dev-server --metadata aws"],
    ["With GitHub's API and tokens", "nanoctl dev-server --as github"],
  ],
  run: runDevServer,
};

/**
 * Serves until Ctrl-C or a termination signal.
 *
 * Throws `usage` for an address that is not loopback, an unknown cloud or an
 * unknown service, and `failed` when the port is taken.
 */
export async function runDevServer(
  context: Context,
  options: DevServerCommandOptions,
): Promise<void> {
  const { METADATA_VARIABLES } = await import(
    "../../tokens/instance_identity/metadata.ts"
  );
  const metadata = cloudsOf(options.metadata ?? [], METADATA_VARIABLES);
  if (options.as !== undefined && metadata.length > 0) {
    throw new NanoctlError("usage", "--metadata cannot go with --as");
  }
  const { startDevServer, startDevServerAs } = await import(
    "../../dev_server/server.ts"
  );
  const output = new Output(context, options);
  const settings = {
    hostname: options.host ?? DEFAULT_HOST,
    port: options.port ?? DEFAULT_PORT,
    now: () => context.now(),
    signal: context.signal,
  };
  let server: RunningServer;
  if (options.as === undefined) {
    const itself = await startDevServer({ ...settings, metadata });
    await announce(context, output, itself, METADATA_VARIABLES);
    server = itself;
  } else {
    server = await startDevServerAs(options.as, settings);
    await announceAs(context, output, server, options.as);
  }
  await server.finished;
  if (context.signal.aborted) throw context.signal.reason;
  throw new NanoctlError("failed", "the embedded service ended by itself");
}

async function announce(
  context: Context,
  output: Output,
  server: DevServer,
  variables: Variables,
): Promise<void> {
  const { url, token, agentToken, metadata } = server;
  if (output.json) {
    await output.dataJson({
      ...described(server),
      agent_token: agentToken,
      coder_token: server.coderToken,
      coder_agent_token: server.coderAgentToken,
      ...Object.keys(metadata).length === 0 ? {} : { metadata },
    });
    return;
  }
  const at = url === `http://127.0.0.1:${DEFAULT_PORT}` ? "" : ` --url ${url}`;
  for (
    const line of [
      `The embedded service listens at ${url} until Ctrl-C.`,
      ...userLines(context, server),
      `Agent: ${agentToken}`,
      "",
      "Try, in another terminal:",
      `  nanoctl login${at}`,
      `  NANOSERVICES_TOKEN=${token} nanoctl whoami${at}`,
      `  curl -X POST ${url}/dev/tokens -d '{"state":"expired"}'`,
    ]
  ) await output.sayWithToken(line);
  const clouds = Object.keys(metadata) as Cloud[];
  if (clouds.length === 0) return;
  await output.say("");
  await output.say("To be on an instance of a cloud:");
  for (const cloud of clouds) {
    await output.say(`  export ${variables[cloud]}=${metadata[cloud]}`);
  }
}

/** Announces the embedded service as another one. */
async function announceAs(
  context: Context,
  output: Output,
  server: RunningServer,
  name: string,
): Promise<void> {
  if (output.json) return await output.dataJson(described(server));
  const { url, service } = server;
  for (
    const line of [
      `The embedded service listens at ${url} as ${name} until Ctrl-C.`,
      ...userLines(context, server),
      "",
      "Try, in another terminal:",
      `  nanoctl login --service ${service} --url ${url}`,
      `  nanoctl whoami --service ${service} --url ${url}`,
      `  curl -X POST ${url}/dev/tokens -d '{"state":"expired"}'`,
    ]
  ) await output.sayWithToken(line);
}

/** What is printed of any service with --json. */
function described(
  { url, user, token, expiresAt }: RunningServer,
): Record<string, string> {
  return {
    url,
    username: user.username,
    email: user.email,
    token,
    expires_at: expiresAt.toISOString(),
  };
}

function userLines(
  context: Context,
  { user, token, expiresAt }: RunningServer,
): string[] {
  return [
    `User:  ${user.username} <${user.email}>`,
    `Token: ${token} (${expiryText(expiresAt, context.now())})`,
  ];
}

/** The clouds in the values, each once; a value can list several, separated by commas. */
function cloudsOf(values: string[], variables: Variables): Cloud[] {
  const names = values.flatMap((value) => value.split(","));
  return [...new Set(names.map((name) => cloudOf(name.trim(), variables)))];
}

function cloudOf(name: string, variables: Variables): Cloud {
  if (Object.hasOwn(variables, name)) return name as Cloud;
  throw new NanoctlError(
    "usage",
    `--metadata ${JSON.stringify(name)} is no cloud`,
    `give one of ${Object.keys(variables).join(", ")}`,
  );
}
