/** What nanoctl is, said once for every package that a release makes. */

/** The product, as package managers describe it. */
export const PRODUCT = {
  name: "nanoctl",
  /** One line without a full stop, at most 80 characters, not beginning with the name or an article. */
  summary: "Log in to services and keep their tokens encrypted",
  /** Paragraphs, for those who decide whether to install it. */
  description: [
    "nanoctl logs people and machines in to a service, keeps the token encrypted " +
    "at rest, and passes it to the tools that need it: git, docker, kubectl, curl " +
    "and scripts.",
    "It is a single program without dependencies. Where there is no keyring it " +
    "uses a key file, a passphrase or a key command, and never plain text.",
  ],
  /** An SPDX identifier; the text is LICENSE. */
  licence: "MIT",
  /** The folder of the project with its pages for man(1). */
  manual: "docs/man",
  /** The arguments that print the completions of a shell, but for its name. */
  completions: ["completions"],
} as const;
