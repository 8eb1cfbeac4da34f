/** The program in a worker. It reports its exit code, as a worker can't end the process. */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { parse } from "./cli/command_line/parse.ts";
import { runHere } from "./program.ts";

self.postMessage(await runHere(await parse(Deno.args)));
