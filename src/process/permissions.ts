/** What permissions depend on: a command, and the options and arguments that it was given. */
export interface Run {
  command: {
    writesStore?: true | ((args: readonly string[]) => boolean);
    usesToken?: "sends" | "hands over";
    takesToken?: true;
    runsPrograms?(options: Record<string, unknown>): boolean;
  };
  options: Record<string, unknown>;
  args: readonly string[];
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
}

/** What the credential file may take: a helper, which is a program, or writing a renewed token. */
export interface StoreNeeds {
  mayNeedHelper: boolean;
  renewal: "none" | "later" | "due";
  mayRunCommand: boolean;
}

/**
 * The permissions that a run needs; none for undefined, which runs no command.
 * What changes the store writes in the config and the data folder; what uses a
 * token that may have to be renewed, in the config folder: one that is sent may
 * be refused before it is due. Programs are for what says so in its spec, where a
 * credential helper may keep the key, and where one prints the token: of an
 * option, of the variable `tokenCommand`, or of a stored login.
 */
export function permissionsFor(
  run: Run | undefined,
  folders: Folders,
  { mayNeedHelper, renewal, mayRunCommand }: StoreNeeds,
  tokenCommand?: string,
): Permissions {
  if (!run) return { write: [], run: false };
  const { command, options } = run;
  const mayRenew = renewal === "due" && command.usesToken !== undefined ||
    renewal === "later" && command.usesToken === "sends";
  const writable = writesStore(run)
    ? [folders.config, folders.data]
    : mayRenew
    ? [folders.config]
    : [];
  const mayGetToken = command.takesToken || command.usesToken !== undefined;
  const isCommandGiven = options.tokenCommand !== undefined ||
    Boolean(tokenCommand);
  return {
    write: writable.filter((folder) => folder !== undefined),
    run: command.runsPrograms?.(options) === true || choosesHelper(options) ||
      mayNeedHelper || mayRenew && mayRunCommand ||
      mayGetToken && isCommandGiven,
  };
}

function writesStore({ command, args }: Run): boolean {
  return typeof command.writesStore === "function"
    ? command.writesStore(args)
    : command.writesStore === true;
}

function choosesHelper({ keySource }: Run["options"]): boolean {
  return typeof keySource === "string" &&
    /^(helper|command)(:|$)/.test(keySource);
}
