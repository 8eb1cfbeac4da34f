import { ownSystem } from "../../process/system/systems.ts";
import { SERVICE_NAMES } from "../../services/names.ts";
import { KEY_SOURCES } from "../../store/keys/key_info.ts";
import { AGENT_AUTHS } from "../../tokens/agent_auths.ts";
import { flag, number, type OptionsOf, text, texts } from "./spec.ts";

/** The options that every command takes. */
export const GLOBAL_OPTIONS = {
  url: text("url", "The URL of the service.", { variable: "NANOSERVICES_URL" }),
  service: text("name", "The service.", {
    variable: "NANOCTL_SERVICE",
    note: serviceNote(),
    choices: "services",
  }),
  profile: text("name", "The stored login to use.", {
    variable: "NANOCTL_PROFILE",
    choices: "profiles",
  }),
  token: text("token", "The token; shows in the process list.", {
    short: "t",
  }),
  tokenFile: text("path", "File with the token; - for standard input.", {
    choices: "files",
  }),
  tokenCommand: text("command", "Program that prints the token.", {
    variable: "NANOSERVICES_TOKEN_COMMAND",
  }),
  header: texts("header", "Send name=value with every request."),
  json: flag("Print JSON on stdout, and errors as JSON."),
  quiet: flag("Print only data and errors.", { short: "q" }),
  verbose: flag("Log requests on stderr, without secrets.", { short: "v" }),
  timeout: number("seconds", "Time limit of a request.", { default: "30" }),
  caFile: text("path", "Also trust these authorities (PEM).", {
    variable: "NANOCTL_CA_FILE",
    choices: "files",
  }),
  noColor: flag("Don't use colors."),
  insecureHttp: flag("Send tokens over plain http to other machines."),
};

/** The services, in lines that fit. */
function serviceNote(): string {
  const lines = [""];
  for (const name of SERVICE_NAMES) {
    const line = `${lines.at(-1) || "One of"} ${name},`;
    if (line.length > 45) lines.push(`${name},`);
    else lines[lines.length - 1] = line;
  }
  return lines.join("\n").replace(/,$/, ".");
}

/** What `--version` does. */
export const VERSION_HELP = "Show the version, target and runtime.";

/** The options of a command that an agent may run too. */
export const AGENT_OPTIONS = {
  agentToken: text("token", "The token of the agent.", {
    variable: "NANOSERVICES_AGENT_TOKEN",
    note: "These variables also work as CODER_….",
  }),
  agentTokenFile: text("path", "File with its token.", {
    variable: "NANOSERVICES_AGENT_TOKEN_FILE",
    note: "Use - for standard input.",
    choices: "files",
  }),
  agentName: text("name", "The name of the agent.", {
    variable: "NANOSERVICES_AGENT_NAME",
  }),
  agentUrl: text("url", "The agent's service.", {
    variable: "NANOSERVICES_AGENT_URL",
  }),
  auth: text("way", "How the agent authenticates.", {
    variable: "NANOSERVICES_AGENT_AUTH",
    note: `One of ${AGENT_AUTHS.join(",\n")}.`,
    choices: AGENT_AUTHS,
  }),
};

/** What `--key-source` takes. */
export const KEY_SOURCE = {
  note:
    "One of keyfile, passphrase, environment,\nhelper, helper:<name>, command:<line>.",
  choices: [
    ...KEY_SOURCES,
    ...ownSystem.keyHelpers.map((name) => `helper:${name}`),
  ],
};

/** What the options of every command say. */
export type GlobalOptions = OptionsOf<typeof GLOBAL_OPTIONS>;

/** What the options of a command say that an agent may run too. */
export type AgentCommandOptions =
  & GlobalOptions
  & OptionsOf<typeof AGENT_OPTIONS>;
