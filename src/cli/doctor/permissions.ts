import { NanoctlError } from "../../errors.ts";
import { defaultChoice } from "../../store/key_source.ts";
import { systemOf } from "../../process/system/systems.ts";
import { below, configDir, dataDir } from "../../store/paths.ts";
import {
  checkFile,
  checkFolder,
  checkOwner,
  lstat,
} from "../../store/permissions.ts";
import { checkAccess, isReadOnly } from "../../store/read_only.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Whether what is stored is the user's alone: the folders, the files in them, and their lock files. */
export function checkPermissions({ context }: Facts): Finding {
  const { hasModes, isInProfile } = systemOf(context.os);
  const config = configDir(context);
  const data = dataDir(context);
  const file = config && below(config, "credentials.json");
  const key = data && below(data, "key");
  const commands = data && below(data, "key-commands.json");
  if (isReadOnly(context)) {
    for (const [folder, path] of [[config, file], [data, key]]) {
      if (folder && path) checkAccess(context, folder, path);
    }
    return hasModes
      ? ok("nobody but their owner can change the folders and files")
      : ok("no modes say who can change the files: their access lists do");
  }
  const faults = new Faults();
  const hasFile = file !== undefined && isThere(file);
  const hasKey = key !== undefined && isThere(key);
  if (config) faults.add(() => void checkFolder(config));
  if (file) faults.add(() => checkFile(file));
  // Another key source has nothing to do with the folder.
  if (data && (hasKey || !hasFile && makesKeyFile(context))) {
    faults.add(() => void checkFolder(data));
  }
  if (key) faults.add(() => checkFile(key));
  if (faults.any) return faults.asFailure();
  for (const path of [file, key]) if (path) faults.add(() => checkOwner(path));
  const others = [...locksIn(config), ...locksIn(data), commands];
  for (const path of others) if (path) faults.add(() => checkFile(path));
  if (faults.any) return faults.asWarning();
  if (!hasFile && !hasKey) {
    return ok("nothing is stored yet that others could read");
  }
  if (hasModes) return ok("the folders and files are open to you alone");
  const outside = [hasFile && config, hasKey && data]
    .filter((folder) => typeof folder === "string")
    .filter((folder) => !isInProfile(folder, context.env));
  return outside.length === 0
    ? ok("the folders have the access list of your profile")
    : warning(
      `${
        outside.join(" and ")
      }: outside of your profile, so the access list may let others read`,
      "see it with icacls, or move the folder into your profile",
    );
}

/** What is wrong, with all that mends it. */
class Faults {
  readonly #errors: NanoctlError[] = [];

  get any(): boolean {
    return this.#errors.length > 0;
  }

  /** Throws what is none of our errors. */
  add(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof NanoctlError)) throw error;
      this.#errors.push(error);
    }
  }

  asFailure(): Finding {
    const code = this.#errors[0]?.code ?? "file_permissions";
    return {
      result: "failed",
      code,
      message: this.#message,
      remedy: this.#remedy,
    };
  }

  asWarning(): Finding {
    return warning(this.#message, this.#remedy);
  }

  get #message(): string {
    return this.#errors.map(({ message }) => message).join("; ");
  }

  /** Commands that a shell takes in one line, where all are commands. */
  get #remedy(): string {
    const hints = new Set(this.#errors.flatMap(({ hint }) => hint ?? []));
    const areCommands = [...hints].every((hint) => hint.startsWith("chmod "));
    return [...hints].join(areCommands ? " && " : "; ");
  }
}

/** Whether a first login would make a key file. */
function makesKeyFile(context: Facts["context"]): boolean {
  try {
    return defaultChoice(context).source === "keyfile";
  } catch {
    // The check of the key says why not.
    return false;
  }
}

/** Whether something is there, as far as it can be looked at. */
function isThere(path: string): boolean {
  try {
    return lstat(path) !== undefined;
  } catch {
    return false;
  }
}

function locksIn(folder: string | undefined): string[] {
  if (folder === undefined) return [];
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".lock"))
      .sort().map((name) => below(folder, name));
  } catch {
    return [];
  }
}
