import { Command, ValidationError } from "@cliffy/command";
import type { Context } from "../context.ts";
import { VERSION, versionText } from "../version.ts";
import { commandLine } from "./command_line.ts";
import type { CliCommand } from "./options.ts";
import { usageError } from "./usage_error.ts";

type Loader = (context: Context) => Promise<CliCommand>;

/** The commands, each in a file of its own that is loaded when it is needed. */
const COMMANDS: Record<string, Loader> = {
  "login": async (context) =>
    (await import("./login.ts")).loginCommand(context),
  "logout": async (context) =>
    (await import("./logout.ts")).logoutCommand(context),
  "whoami": async (context) =>
    (await import("./whoami.ts")).whoamiCommand(context),
  "status": async (context) =>
    (await import("./status.ts")).statusCommand(context),
  "token": async (context) =>
    (await import("./token.ts")).tokenCommand(context),
  "external-auth": async (context) =>
    (await import("./external_auth.ts")).externalAuthCommand(context),
  "api": async (context) => (await import("./api.ts")).apiCommand(context),
  "exec": async (context) => (await import("./exec.ts")).execCommand(context),
  "use": async (context) => (await import("./use.ts")).useCommand(context),
  "store": async (context) =>
    (await import("./store.ts")).storeCommand(context),
  "dev-server": async (context) =>
    (await import("./dev_server.ts")).devServerCommand(context),
};

/** Parses a command line and runs its command. Throws what that throws, and `usage`. */
export async function runTree(context: Context, args: string[]): Promise<void> {
  const line = withoutHelpWord(args);
  let tree: CliCommand | undefined;
  try {
    const words = commandLine(line);
    tree = await commandTree(context, words);
    await tree.parse(words);
  } catch (error) {
    throw error instanceof ValidationError
      ? usageError(error.message, line, Object.keys(COMMANDS), tree)
      : error;
  }
}

/** `nanoctl help token` is `nanoctl token --help`, as with most programs that have commands. */
function withoutHelpWord([first, ...rest]: string[]): string[] {
  if (first === undefined) return [];
  return first === "help" ? [...rest, "--help"] : [first, ...rest];
}

/**
 * The command tree. Where the first argument is a command, only that one is
 * loaded; help and a misspelled command need them all.
 */
async function commandTree(
  context: Context,
  args: string[],
): Promise<CliCommand> {
  const root = rootCommand(context);
  const first = args[0] ?? "";
  const names = Object.hasOwn(COMMANDS, first)
    ? [first]
    : Object.keys(COMMANDS);
  for (const name of names) {
    const command = await COMMANDS[name]?.(context);
    if (command) root.command(name, command);
  }
  return root as unknown as CliCommand;
}

// The tree's own type names every option of every command: left to inference.
// deno-lint-ignore explicit-function-return-type
function rootCommand(context: Context) {
  return new Command()
    .name("nanoctl")
    .usage("<command>")
    .description(
      "Log in to a service, keep the token encrypted, hand it to your scripts.",
    )
    .throwErrors()
    .globalType("string", text)
    .version(VERSION)
    .versionOption("-V, --version", "Show the version, target and runtime.", {
      standalone: true,
      action: () => context.stdout.write(`${versionText()}\n`),
    })
    .help({ colors: context.stdout.isTerminal && !context.env.get("NO_COLOR") })
    .action(function (this: Command): void {
      this.showHelp();
    })
    .group("Options of every command")
    .globalOption(
      "--url <url:string>",
      "The URL of the service. (NANOSERVICES_URL)",
    )
    .globalOption(
      "--service <name:string>",
      "Kind: nanoservices, coder. (NANOCTL_SERVICE)",
    )
    .globalOption(
      "--profile <name:string>",
      "The stored login to use. (NANOCTL_PROFILE)",
    )
    .globalOption(
      "-t, --token <token:string>",
      "The token; others see it in the process list.",
    )
    .globalOption(
      "--token-file <path:string>",
      "A file with the token; - is standard input.",
    )
    .globalOption(
      "--header <header:string>",
      "A name=value sent with every request.",
      { collect: true },
    )
    .globalOption("--json", "Print JSON on stdout, and errors as JSON.")
    .globalOption("-q, --quiet", "Say nothing but data and errors.")
    .globalOption(
      "-v, --verbose",
      "Say each request on stderr, without secrets.",
    )
    .globalOption(
      "--timeout <seconds:number>",
      "How long a request may take. (30)",
    )
    .globalOption(
      "--ca-file <path:string>",
      "Also trust these, in PEM. (NANOCTL_CA_FILE)",
    )
    .globalOption(
      "--insecure-http",
      "Send tokens over plain http to other machines.",
    );
}

/**
 * Any text, but an argument is no option: Cliffy 1.1 takes an unknown one for
 * it. Nor is a value one: in `--token-file --token=…` the first lacks its own,
 * and an error about the file would repeat the token.
 */
function text(
  { label, name, value }: { label: string; name: string; value: string },
): string {
  if (label === "Option" && /^--[a-z][a-z-]*=/.test(value)) {
    // Not all versions of Cliffy give the name with its hyphens.
    const option = name.replace(/^-*/, "--");
    throw new ValidationError(`Missing value for option "${option}".`);
  }
  if (label === "Argument" && /^-./.test(value)) {
    throw new ValidationError(`Unknown option "${value}".`);
  }
  return value;
}
