/** The install scripts of a release, which know its publisher. */

import { SetupError } from "../process.ts";
import type { Publisher } from "./publisher.ts";

/**
 * Fills in what is known: `default_url=` and so on in a script for sh, and
 * `$DefaultUrl = ''` in one for PowerShell. Nothing needs quoting, as `publisherOf`
 * has checked. Throws a SetupError if the script has no such line.
 */
export function filledIn(script: string, publisher: Publisher): string {
  const values = [
    ["url", "Url", publisher.url],
    ["public_key", "PublicKey", publisher.publicKey],
    ["repository", "Repository", publisher.repository],
  ] as const;
  return values.reduce((text, [name, Name, value = ""]) => {
    const line = new RegExp(`^(default_${name}=|\\$Default${Name} = ')`, "m");
    if (line.test(text)) return text.replace(line, (head) => head + value);
    throw new SetupError(`an install script has no default for ${name}`);
  }, script);
}
