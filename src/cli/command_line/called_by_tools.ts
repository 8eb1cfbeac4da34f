/** How git begins its two questions (gitcredentials(7), "GIT_ASKPASS"). */
const QUESTION = /^(Username|Password) for '/;

/**
 * The command line that a tool means which calls the program without knowing our
 * commands: git asks its GIT_ASKPASS one question. Other lines stay as they are.
 */
export function lineOfTool(args: string[]): string[] {
  const [question = "", ...others] = args;
  return others.length === 0 && QUESTION.test(question)
    ? ["credential", "git", "askpass", question]
    : args;
}
