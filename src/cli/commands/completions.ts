import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Command } from "../command_line/spec.ts";
import { Output } from "../output.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** `nanoctl completions <shell>`: the script by which a shell completes our command lines. */
export const completions: Command<GlobalOptions> = {
  description:
    "For bash, zsh or fish. The script calls nanoctl at each Tab, which sends no\n" +
    "request and needs no key.",
  arguments: ["shell"],
  argumentChoices: [SHELLS],
  examples: [
    ["In ~/.bashrc", 'eval "$(nanoctl completions bash)"'],
    ["In ~/.zshrc, after compinit", 'eval "$(nanoctl completions zsh)"'],
    ["In config.fish", "nanoctl completions fish | source"],
  ],
  run: (context, options, [shell = ""]) =>
    runCompletions(context, options, shell),
};

/** Prints the script. Throws `usage` for another shell. */
export async function runCompletions(
  context: Context,
  options: GlobalOptions,
  shell: string,
): Promise<void> {
  await new Output(context, options).data(await scriptFor(shell));
}

async function scriptFor(shell: string): Promise<string> {
  switch (SHELLS.find((name) => name === shell)) {
    case "bash":
      return (await import("../completion/bash.ts")).BASH;
    case "zsh":
      return (await import("../completion/zsh.ts")).ZSH;
    case "fish":
      return (await import("../completion/fish.ts")).FISH;
    case undefined:
      throw new NanoctlError(
        "usage",
        "there are no completions for this shell",
        `the shells are: ${SHELLS.join(", ")}`,
      );
  }
}
