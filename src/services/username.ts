import { withoutSecrets } from "../secret.ts";

/** More than any name has, in UTF-16 code units. */
const LIMIT = 256;

/** What a user name can't be: it is stored and shown, and a service could put the token there. */
export const USERNAME_FAULTS: readonly [
  fault: string,
  holds: (name: string) => boolean,
][] = [
  ["is empty", (name) => name === ""],
  ["is too long", (name) => name.length > LIMIT],
  ["holds a secret", (name) => withoutSecrets(name) !== name],
];
