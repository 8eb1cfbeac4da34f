import { SERVICE_NAMES } from "../../services/names.ts";
import { KEY_SOURCES, USUAL_HELPERS } from "../../store/keys/key_info.ts";
import { AGENT_AUTHS } from "../../tokens/agent_auths.ts";
import { flag, number, type OptionsOf, text, texts } from "./spec.ts";

/** The options that every command takes. */
export const GLOBAL_OPTIONS = {
  url: text("url", "The URL of the service.", { variable: "NANOSERVICES_URL" }),
  service: text("name", "Kind of service.", {
    variable: "NANOCTL_SERVICE",
    note: serviceNote(),
    choices: "services",
  }),
  profile: text("name", "The stored login to use.", {
    variable: "NANOCTL_PROFILE",
    choices: "profiles",
  }),
  token: text("token", "The token; others see it in the process list.", {
    short: "t",
  }),
  tokenFile: text("path", "A file with the token; - is standard input.", {
    choices: "files",
  }),
  tokenCommand: text("command", "A program that prints the token.", {
    variable: "NANOSERVICES_TOKEN_COMMAND",
  }),
  header: texts("header", "A name=value sent with every request."),
  json: flag("Print JSON on stdout, and errors as JSON."),
  quiet: flag("Say nothing but data and errors.", { short: "q" }),
  verbose: flag("Say each request on stderr, without secrets.", { short: "v" }),
  timeout: number("seconds", "How long a request may take.", { default: "30" }),
  caFile: text("path", "Also trust these, in PEM.", {
    variable: "NANOCTL_CA_FILE",
    choices: "files",
  }),
  noColor: flag("Use no colours."),
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
  agentToken: text("token", "Agent's token.", {
    variable: "NANOSERVICES_AGENT_TOKEN",
    note: "These variables can begin with CODER_ too.",
  }),
  agentTokenFile: text("path", "Its file.", {
    variable: "NANOSERVICES_AGENT_TOKEN_FILE",
    note: "A hyphen stands for standard input.",
    choices: "files",
  }),
  agentName: text("name", "Agent's name.", {
    variable: "NANOSERVICES_AGENT_NAME",
  }),
  agentUrl: text("url", "Agent's service.", {
    variable: "NANOSERVICES_AGENT_URL",
  }),
  auth: text("way", "How it logs in.", {
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
    ...(USUAL_HELPERS[Deno.build.os] ?? []).map((name) => `helper:${name}`),
  ],
};

/** What the options of every command say. */
export type GlobalOptions = OptionsOf<typeof GLOBAL_OPTIONS>;

/** What the options of a command say that an agent may run too. */
export type AgentCommandOptions =
  & GlobalOptions
  & OptionsOf<typeof AGENT_OPTIONS>;
