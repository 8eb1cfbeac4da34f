import { assertEquals } from "@std/assert";
import { descriptionBytes } from "./descriptions.ts";
import { GARDEN, Garden, GARDEN_TOKEN } from "./garden.ts";
import { Home, type Result, run, type RunOptions } from "./nanoctl.ts";

/** The file in a home that describes a garden, and is to be added. */
export const FILE = "garden-to-add.json";
/** Where descriptions are kept, and the garden's among them. */
export const FOLDER = ".config/nanoctl/services";
export const KEPT = `${FOLDER}/garden.json`;

/** What is in {@linkcode FILE}. */
export const BYTES = descriptionBytes(GARDEN);

/** The same description, with these fields. */
export function other(
  fields: Record<string, unknown>,
): Uint8Array<ArrayBuffer> {
  return descriptionBytes({ ...GARDEN, ...fields });
}

/** A home with a description in it, and the garden that it describes. */
export class GardenHome extends Home {
  readonly garden = new Garden();
  /** How to run the program here. */
  readonly options: RunOptions = { home: this, cwd: this.path };

  constructor() {
    super();
    Deno.writeFileSync(this.at(FILE), BYTES);
  }

  /** Writes another description into the file, or over the one that is kept. */
  write(bytes: Uint8Array, path = FILE): void {
    Deno.writeFileSync(this.at(path), bytes);
  }

  /** Runs the program in the folder of the file. */
  nanoctl(args: string[], options: RunOptions = {}): Promise<Result> {
    return run(args, { ...this.options, ...options });
  }

  /** Runs it, and expects that all is well. */
  async done(args: string[], options: RunOptions = {}): Promise<Result> {
    const result = await this.nanoctl(args, options);
    assertEquals(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
    return result;
  }

  /** Adds the garden, and stores a login there. */
  async logIn(profile = "default"): Promise<void> {
    await this.done(["service", "add", FILE, "--replace"]);
    const login = ["login", "--service", "garden", "--url", this.garden.url];
    await this.done(
      [...login, "--token-stdin", "--save", "--profile", profile],
      { stdin: GARDEN_TOKEN },
    );
  }

  /** Stops the garden and removes the home. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    await this.garden[Symbol.asyncDispose]();
  }
}
