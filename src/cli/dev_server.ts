import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import type { DevServer } from "../dev_server/server.ts";
import { Output } from "../output.ts";
import { expiryText } from "./dates.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";
import { METADATA_VARIABLES } from "../tokens/instance_identity/metadata.ts";

/** The options of `dev-server`. */
export type DevServerCommandOptions = GlobalOptions & {
  host?: string | undefined;
  port?: number | undefined;
  metadata?: string[] | undefined;
};

type Cloud = keyof typeof METADATA_VARIABLES;

const DEFAULT_PORT = 7080;

/** `nanoctl dev-server`: the embedded service, until Ctrl-C. */
export function devServerCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description(
        "Run the embedded service, for demos and tests.\n\n" +
          "It keeps everything in memory and listens on loopback only.",
      )
      .option("--port <port:number>", "The port; 0 takes any free one. (7080)")
      .option("--host <address:string>", "A loopback address. (127.0.0.1)")
      .option(
        "--metadata <clouds:string>",
        "Be the metadata service of aws, azure, google too.\nOf several: aws,azure.",
        { collect: true },
      )
      .example("In one terminal", "nanoctl dev-server")
      .example(
        "In a script",
        "nanoctl dev-server --port 0 --json > service.json &",
      )
      .example("As on an instance of AWS", "nanoctl dev-server --metadata aws")
      .action((options) => runDevServer(context, options)),
  );
}

/**
 * Serves until Ctrl-C or a termination signal.
 *
 * Throws `usage` for an address that is not loopback or a cloud that is none,
 * and `failed` when the port is taken.
 */
export async function runDevServer(
  context: Context,
  options: DevServerCommandOptions,
): Promise<void> {
  const metadata = cloudsOf(options.metadata ?? []);
  const { startDevServer } = await import("../dev_server/server.ts");
  const output = new Output(context, options);
  const server = await startDevServer({
    hostname: options.host ?? "127.0.0.1",
    port: options.port ?? DEFAULT_PORT,
    metadata,
    now: () => context.now(),
    signal: context.signal,
  });
  await announce(context, output, server);
  await server.finished;
  if (context.signal.aborted) throw context.signal.reason;
  throw new NanoctlError("failed", "the embedded service ended by itself");
}

async function announce(
  context: Context,
  output: Output,
  server: DevServer,
): Promise<void> {
  const { url, user, token, agentToken, expiresAt, metadata } = server;
  if (output.json) {
    await output.dataJson({
      url,
      username: user.username,
      email: user.email,
      token,
      expires_at: expiresAt.toISOString(),
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
      `User:  ${user.username} <${user.email}>`,
      `Token: ${token} (${expiryText(expiresAt, context.now())})`,
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
    const variable = METADATA_VARIABLES[cloud];
    await output.say(`  export ${variable}=${metadata[cloud]}`);
  }
}

/** The clouds that were named, each once; they may be parted by commas. */
function cloudsOf(values: string[]): Cloud[] {
  const names = values.flatMap((value) => value.split(","));
  return [...new Set(names.map((name) => cloudOf(name.trim())))];
}

function cloudOf(name: string): Cloud {
  if (Object.hasOwn(METADATA_VARIABLES, name)) return name as Cloud;
  throw new NanoctlError(
    "usage",
    `--metadata ${JSON.stringify(name)} is no cloud`,
    `give one of ${Object.keys(METADATA_VARIABLES).join(", ")}`,
  );
}
