/** How git begins its two questions (gitcredentials(7), "GIT_ASKPASS"). */
const QUESTION = /^(Username|Password) for '/;

/** What docker gives a credential helper as its one argument. */
const DOCKERS = ["get", "store", "erase", "list", "version"];
const HELPER = /(^|[\\/])docker-credential-nanoctl(\.exe)?$/i;

/**
 * The command line that a tool means which calls the program without knowing our
 * commands: git asks its GIT_ASKPASS one question, and docker calls its helper by
 * a name of its own. Other lines stay as they are, and only those that may be
 * docker's have the name looked at.
 */
export function lineOfTool(args: string[], name = calledAs): string[] {
  const [word = "", ...others] = args;
  if (others.length > 0) return args;
  if (QUESTION.test(word)) return ["credential", "git", "askpass", word];
  return DOCKERS.includes(word) && HELPER.test(name())
    ? ["credential", "docker", word]
    : args;
}

/** The path or name that the program was called by, through a symlink too. */
function calledAs(): string {
  const { process }: { process?: { argv0?: string } } = globalThis;
  return process?.argv0 ?? "";
}
