import type { Home } from "./nanoctl.ts";
import { isFile } from "../../scripts/process.ts";
import { commandLine } from "./store_files.ts";

/** The command line of a shell's script; each run of it appends a byte to the file `runs`. */
export function script(home: Home, text: string): string {
  return commandLine("sh", "-c", `echo >> ${home.at("runs")}\n${text}`);
}

/** How often scripts ran in a home. */
export function runsIn(home: Home): number {
  return isFile(home.at("runs"))
    ? Deno.readTextFileSync(home.at("runs")).length
    : 0;
}
