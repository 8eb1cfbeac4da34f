import { windows } from "../../../src/process/system/windows.ts";

/** The file system of Windows below a folder of this machine: `C:\a` is `<root>/C/a`. */
export class Drives {
  readonly #root: string;
  readonly #readNames: (folder: string) => Iterable<{ name: string }>;

  /** `readNames` is the machine's `Deno.readDirSync`, which may be replaced meanwhile. */
  constructor(
    root: string,
    readNames: typeof Deno.readDirSync = Deno.readDirSync,
  ) {
    this.#root = root;
    this.#readNames = readNames;
  }

  /** Where a path of Windows is here, whatever its case. Throws as Windows does for a name that no file has. */
  at(path: string): string {
    const parts = this.#absolute(path).split("\\").filter((part) => part);
    let here = this.#root;
    for (const [index, part] of parts.entries()) {
      if (index > 0) checkName(part, path);
      here = `${here}/${this.#nameIn(here, part.replace(/:$/, ""))}`;
    }
    return here;
  }

  /** The path of Windows for one of this machine. */
  of(path: string): string {
    const [drive = "", ...rest] = path.slice(this.#root.length + 1).split("/");
    return [`${drive}:`, ...rest].join("\\");
  }

  #absolute(path: string): string {
    const text = path.replaceAll("/", "\\");
    if (/^[a-z]:\\/i.test(text)) return text;
    if (text.startsWith("\\\\")) return `UNC${text.slice(1)}`;
    if (text.startsWith("\\")) return `C:${text}`;
    return `${WORKING_FOLDER}\\${text.replace(/^[a-z]:/i, "")}`;
  }

  /** The name that is there already, in another case maybe. */
  #nameIn(folder: string, name: string): string {
    try {
      const names = [...this.#readNames(folder)].map(({ name }) => name);
      return names.find((each) => each.toLowerCase() === name.toLowerCase()) ??
        name;
    } catch {
      return name;
    }
  }
}

/** Where a relative path begins. */
export const WORKING_FOLDER = "C:\\Users\\ada";

function checkName(name: string, path: string): void {
  if (name === "." || name === ".." || windows.isFileName(name)) return;
  throw new TypeError(
    `The filename, directory name, or volume label syntax is incorrect. (os error 123): '${path}'`,
  );
}
