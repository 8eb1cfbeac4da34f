/** What permissions depend on: a command, and the options that it was given. */
export interface Run {
  command: {
    writesStore?: true;
    usesToken?: true;
    runsPrograms?(options: Record<string, unknown>): boolean;
  };
  options: Record<string, unknown>;
}

/** What a process is left with. */
export interface Permissions {
  /** The folders below which it can write. */
  write: string[];
  /** Whether it can run programs. */
  run: boolean;
}

/** Where a person's files are; undefined where there is no place for them. */
export interface Folders {
  config: string | undefined;
  data: string | undefined;
  /** The path of the credential file. */
  credentials: string | undefined;
}

/** How a credential file begins, as nanoctl writes it, before it names the key's source. */
const BEGIN = '{\n  "version": 1,\n  "key": {\n    "source": "';
const WITHOUT_HELPER = /^(keyfile|passphrase|environment)"/;
/** How an entry of the credential file says that its token renews itself. */
const RENEWABLE = /"renewable":\s*true/;

/**
 * The permissions that a run needs; none for undefined, which runs no command.
 * What changes the store writes in the config and the data folder; what uses a
 * token that may have to be renewed, in the config folder. Programs are for what
 * says so in its spec, and where a credential helper may keep the key.
 */
export function permissionsFor(
  run: Run | undefined,
  folders: Folders,
): Permissions {
  if (!run) return { write: [], run: false };
  const { command, options } = run;
  const writable = command.writesStore
    ? [folders.config, folders.data]
    : command.usesToken && mayRenew(folders)
    ? [folders.config]
    : [];
  return {
    write: writable.filter((folder) => folder !== undefined),
    run: command.runsPrograms?.(options) === true || choosesHelper(options) ||
      mayNeedHelper(folders),
  };
}

function choosesHelper({ keySource }: Run["options"]): boolean {
  return typeof keySource === "string" && /^helper(:|$)/.test(keySource);
}

/** Whether a stored token renews itself, which any command may then have to do. */
function mayRenew({ credentials }: Folders): boolean {
  if (credentials === undefined) return false;
  try {
    return Deno.statSync(credentials).isFile &&
      RENEWABLE.test(Deno.readTextFileSync(credentials));
  } catch {
    return false;
  }
}

/** Whether a helper may keep the key: not where the credential file rules it out, or doesn't exist. */
function mayNeedHelper({ credentials }: Folders): boolean {
  if (credentials === undefined) return false;
  try {
    // Opening a named pipe would wait for its other end.
    if (!Deno.statSync(credentials).isFile) return false;
    using file = Deno.openSync(credentials);
    const top = new Uint8Array(BEGIN.length + 16);
    file.readSync(top);
    const text = String.fromCharCode(...top);
    return !text.startsWith(BEGIN) ||
      !WITHOUT_HELPER.test(text.slice(BEGIN.length));
  } catch {
    return false;
  }
}
