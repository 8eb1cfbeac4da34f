/** A way to give a token to a command. */
export interface TokenWay {
  name: string;
  origin: string;
  /** Its name in messages. */
  source: (file: string) => string;
  args: (token: string, file: string) => string[];
  env?: (token: string, file: string) => Record<string, string>;
  stdin?: true;
}

/** The ways that are options of `login`. */
export const OPTION_WAYS: readonly TokenWay[] = [
  {
    name: "--token",
    origin: "flag",
    source: () => "--token",
    args: (token) => ["--token", token],
  },
  {
    name: "--token-file",
    origin: "token-file",
    source: (file) => `the file ${file}`,
    args: (_, file) => ["--token-file", file],
  },
  {
    name: "--token-stdin",
    origin: "stdin",
    source: () => "standard input",
    args: () => ["--token-stdin"],
    stdin: true,
  },
];
