/** A folder of a person's files: the variable that says where it is, and what comes below that. */
export interface UserFolder {
  readonly variable: string;
  readonly below: readonly string[];
}

/** How a program ended. */
export interface ProgramExit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/**
 * Everything that differs from system to system. `systemOf` gives the one that a
 * `Context` names; `ownSystem` is the machine's, whose files these are.
 * tests/architecture_test.ts keeps what a system is called out of all other code.
 */
export interface System {
  /** Between the folders of a path. */
  readonly separator: "/" | "\\";
  /** The folders in a list, such as PATH. */
  splitList(list: string): string[];
  /** Whether a path depends neither on the working folder nor on the current drive. */
  isAbsolute(path: string): boolean;
  /** Whether what names a program is a path, and not to be looked for in PATH. */
  isPath(program: string): boolean;
  /** The folder that a path's last part is in. */
  folderOf(path: string): string;
  /** Whether a file can have this name. */
  isFileName(name: string): boolean;
  /** Where a person's files are if no variable of XDG says so, the first that is set. */
  readonly userFolders: Readonly<
    Record<"config" | "data", readonly [UserFolder, ...UserFolder[]]>
  >;

  /** What two names of a variable have in common if they are the same one's. */
  variableKey(name: string): string;

  /** Whether modes say who may read a file; else it has the access list of its folder. */
  readonly hasModes: boolean;
  /** Whether a folder without modes is where the system keeps others out, as far as its path tells. */
  isInProfile(
    path: string,
    env: { get(name: string): string | undefined },
  ): boolean;
  /** Renames a file, in the place of another one. Throws what Deno throws. */
  rename(
    fs: Pick<typeof Deno, "renameSync">,
    from: string,
    to: string,
  ): void;
  /** Writes a file through to the disk, as far as its file system can. Throws what Deno throws. */
  sync(file: Pick<Deno.FsFile, "syncSync">): void;
  /** Whether a folder can be synced. */
  readonly syncsFolders: boolean;

  /** The file names that a program's name stands for. */
  programNames(name: string, env: Readonly<Record<string, string>>): string[];
  /** Whether a file can be run, as far as that can be seen. */
  isProgram(info: Pick<Deno.FileInfo, "isFile" | "mode">): boolean;
  /** What is wrong with giving a program these arguments; undefined if nothing is. */
  faultOfArguments(path: string, args: readonly string[]): string | undefined;
  /** Whether a backslash takes its meaning from the next character on a command line, and not only from a quotation mark. */
  readonly escapesByBackslash: boolean;
  /** The docker credential helpers to look for if none is named, the best first. */
  readonly keyHelpers: readonly string[];
  /** The program that opens a page in a browser, and its arguments; empty where none can be seen. */
  pageOpener(env: Readonly<Record<string, string>>): readonly string[];

  /** The exit codes of the signals that end a program and can be caught. */
  readonly endingSignals: Readonly<Partial<Record<Deno.Signal, number>>>;
  /** Signals that a program passes on to the one that it runs. */
  readonly passedSignals: readonly Deno.Signal[];
  /** Signals that the terminal sends to both. */
  readonly sharedSignals: readonly Deno.Signal[];
  /** Whether a terminal sends them also where none of the streams is one. */
  readonly alwaysShares: boolean;
  /** Whether Ctrl-C ended a program. */
  wasInterrupted(end: ProgramExit): boolean;
  /** Has the terminal not show what is typed while nobody reads it; Ctrl-C stays a signal. */
  hush(
    stdin: { setRaw(on: boolean, options?: { cbreak: boolean }): void },
  ): void;

  /** Whether the runtime has to read the authorities that the system trusts: they are in no file. */
  readonly keepsAuthorities: boolean;
}
