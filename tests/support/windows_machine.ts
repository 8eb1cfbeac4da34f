import { fromFileUrl } from "@std/path";
import { Child, type Result } from "./nanoctl.ts";
import { Drives } from "./windows/drives.ts";
import type { Machine } from "./windows/runtime.ts";

/** Where the runtime has its packages. */
const CACHE = Object.fromEntries(
  ["HOME", "DENO_DIR", "XDG_CACHE_HOME", "JSR_URL"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }),
);
const MAIN = fromFileUrl(import.meta.resolve("./windows/main.ts"));
const PROFILE = "C:\\Users\\ada";

/** Where the files of a stored login are. */
export const FILES = {
  config: `${PROFILE}\\AppData\\Roaming\\nanoctl`,
  credentials: `${PROFILE}\\AppData\\Roaming\\nanoctl\\credentials.json`,
  data: `${PROFILE}\\AppData\\Local\\nanoctl`,
  key: `${PROFILE}\\AppData\\Local\\nanoctl\\key`,
} as const;

/** How to run nanoctl there, if not in the default way. */
export interface WindowsOptions {
  env?: Record<string, string>;
  stdin?: string;
  renamesRefused?: number;
  /** Another module to run than nanoctl. */
  main?: string;
}

/** A stand-in for a machine with Windows: nanoctl's source runs on windows/runtime.ts. */
export class WindowsMachine implements Disposable {
  readonly #root = Deno.makeTempDirSync({ prefix: "nanoctl_windows" });
  readonly #drives = new Drives(this.#root);

  constructor() {
    for (const folder of [PROFILE, "C:\\tools"]) {
      Deno.mkdirSync(this.at(folder), { recursive: true });
    }
  }

  /** Where a path of Windows is on this machine. */
  at(path: string): string {
    return this.#drives.at(path);
  }

  /** Writes a file. */
  write(path: string, text: string): void {
    Deno.writeTextFileSync(this.at(path), text);
  }

  /** The text of a file. */
  read(path: string): string {
    return Deno.readTextFileSync(this.at(path));
  }

  /** The names of the files in a folder. */
  names(folder: string): string[] {
    return [...Deno.readDirSync(this.at(folder))].map(({ name }) => name)
      .sort();
  }

  /** A program in a folder of PATH. What it does is a shell's script here. */
  addProgram(name: string, script: string): void {
    const path = this.at(`C:\\tools\\${name}`);
    Deno.writeTextFileSync(path, `#!/bin/sh\n${script}\n`);
    Deno.chmodSync(path, 0o755);
  }

  /** The command that runs nanoctl, and its environment. */
  command(
    args: string[],
    { env = {}, renamesRefused = 0, main }: WindowsOptions = {},
  ): { command: string[]; env: Record<string, string> } {
    const machine: Machine = {
      root: this.#root,
      renamesRefused,
      env: {
        UserProfile: PROFILE,
        AppData: `${PROFILE}\\AppData\\Roaming`,
        LocalAppData: `${PROFILE}\\AppData\\Local`,
        Path: "C:\\Windows\\system32;C:\\tools",
        PathExt: ".COM;.EXE;.BAT;.CMD",
        ...env,
      },
    };
    return {
      command: [
        Deno.execPath(),
        "run",
        "-A",
        "--no-check",
        main ? this.at(main) : MAIN,
        ...args,
      ],
      env: {
        // Where the runtime of the tests has compiled the source already.
        ...CACHE,
        DENO_NO_UPDATE_CHECK: "1",
        STAND_IN: JSON.stringify(machine),
      },
    };
  }

  /** Runs nanoctl to its end, or another program on the same runtime. */
  async run(args: string[], options: WindowsOptions = {}): Promise<Result> {
    const { command: [program = "", ...rest], env } = this.command(
      args,
      options,
    );
    const { stdin } = options;
    return await new Child(program, rest, {
      env,
      ...(stdin === undefined ? {} : { stdin }),
    }).end();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#root, { recursive: true });
  }
}
