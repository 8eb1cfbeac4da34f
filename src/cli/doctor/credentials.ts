import { hasCode } from "../../errors.ts";
import type { Context } from "../../process/context.ts";
import { defaultChoice, describeKey } from "../../store/key_source.ts";
import type { KeySourceName } from "../../store/keys/key_info.ts";
import { type FileKey, isDataKey } from "../../store/keys/key_slots.ts";
import {
  isPassphraseSet,
  PASSPHRASE_VARIABLE,
} from "../../store/keys/passphrase.ts";
import { foldersOf } from "../../store/paths.ts";
import { checkAccess } from "../../store/read_only.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok, skipped } from "./finding.ts";

/** What the first login that stores does for a key, by its source. */
const FIRST_KEY: Record<KeySourceName, string> = {
  keyfile: "makes a key file",
  passphrase: "takes the passphrase in the environment",
  environment: "takes the key in the environment",
  helper: "asks a credential helper",
};

/** Whether the credential file can be read, and what is in it. */
export async function checkCredentials(facts: Facts): Promise<Finding> {
  if (hasWrongModes(facts)) {
    return skipped("commands refuse a file with these permissions");
  }
  const snapshot = await facts.snapshot();
  const { names, active, key } = snapshot;
  if (!key) return ok("nothing is stored yet");
  // Reading an entry checks its form.
  for (const name of names) snapshot.find(name);
  if (names.length === 0) return ok("no login is stored");
  return ok(
    `${counted(names.length, "login")} stored; the active profile is ${active}`,
  );
}

/** Whether the check of the permissions has already said why the file isn't read. */
function hasWrongModes({ context }: Facts): boolean {
  const { config, credentials } = foldersOf(context);
  try {
    if (config && credentials) checkAccess(context, config, credentials);
    return false;
  } catch (error) {
    return hasCode(error, "file_permissions");
  }
}

/** Whether the key opens what is stored. A passphrase is asked for on a terminal only. */
export async function checkKey(facts: Facts): Promise<Finding> {
  const { context } = facts;
  const snapshot = await facts.snapshot();
  const { key, names } = snapshot;
  if (!key) {
    const { source } = defaultChoice(context);
    return ok(`none is needed yet; a first login ${FIRST_KEY[source]}`);
  }
  if (mustAsk(context, key)) {
    return skipped(
      "the passphrase is not set, and there is no terminal to ask for it",
      `set ${PASSPHRASE_VARIABLE}_FILE or ${PASSPHRASE_VARIABLE}, or run this on a terminal`,
    );
  }
  await snapshot.openKey();
  for (const name of names) await snapshot.openTokens(name);
  return ok(`${describeKey(key)}; it opens ${counted(names.length, "login")}`);
}

/** Whether only a passphrase opens the file that nobody can be asked for. */
function mustAsk(context: Context, key: FileKey): boolean {
  const { stdin, stderr } = context;
  const keys = isDataKey(key) ? key.slots : [key];
  return keys.every(({ source }) => source === "passphrase") &&
    !isPassphraseSet(context) && !(stdin.isTerminal && stderr.isTerminal);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
