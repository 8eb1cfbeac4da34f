import { AGENT_AUTHS } from "../../tokens/agent_auths.ts";
import type { OptionsOf } from "./spec.ts";

/** The options that every command takes. */
export const GLOBAL_OPTIONS = {
  url: {
    kind: "text",
    value: "url",
    help: "The URL of the service.",
    variable: "NANOSERVICES_URL",
  },
  service: {
    kind: "text",
    value: "name",
    help: "Kind: nanoservices, coder.",
    variable: "NANOCTL_SERVICE",
  },
  profile: {
    kind: "text",
    value: "name",
    help: "The stored login to use.",
    variable: "NANOCTL_PROFILE",
  },
  token: {
    kind: "text",
    value: "token",
    short: "t",
    help: "The token; others see it in the process list.",
  },
  tokenFile: {
    kind: "text",
    value: "path",
    help: "A file with the token; - is standard input.",
  },
  header: {
    kind: "texts",
    value: "header",
    help: "A name=value sent with every request.",
  },
  json: { kind: "flag", help: "Print JSON on stdout, and errors as JSON." },
  quiet: { kind: "flag", short: "q", help: "Say nothing but data and errors." },
  verbose: {
    kind: "flag",
    short: "v",
    help: "Say each request on stderr, without secrets.",
  },
  timeout: {
    kind: "number",
    value: "seconds",
    help: "How long a request may take.",
    default: "30",
  },
  caFile: {
    kind: "text",
    value: "path",
    help: "Also trust these, in PEM.",
    variable: "NANOCTL_CA_FILE",
  },
  insecureHttp: {
    kind: "flag",
    help: "Send tokens over plain http to other machines.",
  },
} as const;

/** The options of a command that an agent may run too. */
export const AGENT_OPTIONS = {
  agentToken: {
    kind: "text",
    value: "token",
    help: "Agent's token.",
    variable: "NANOSERVICES_AGENT_TOKEN",
    note: "These variables can begin with CODER_ too.",
  },
  agentTokenFile: {
    kind: "text",
    value: "path",
    help: "Its file.",
    variable: "NANOSERVICES_AGENT_TOKEN_FILE",
    note: "A hyphen stands for standard input.",
  },
  agentName: {
    kind: "text",
    value: "name",
    help: "Agent's name.",
    variable: "NANOSERVICES_AGENT_NAME",
  },
  agentUrl: {
    kind: "text",
    value: "url",
    help: "Agent's service.",
    variable: "NANOSERVICES_AGENT_URL",
  },
  auth: {
    kind: "text",
    value: "way",
    help: "How it logs in.",
    variable: "NANOSERVICES_AGENT_AUTH",
    note: `One of ${AGENT_AUTHS.join(",\n")}.`,
  },
} as const;

/** What `--key-source` takes. */
export const KEY_SOURCE_NOTE =
  "One of keyfile, passphrase, environment,\nhelper, helper:<name>.";

/** What the options of every command say. */
export type GlobalOptions = OptionsOf<typeof GLOBAL_OPTIONS>;

/** What the options of a command say that an agent may run too. */
export type AgentCommandOptions =
  & GlobalOptions
  & OptionsOf<typeof AGENT_OPTIONS>;
