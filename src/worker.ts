/** The program in a worker. It reports its exit code, as a worker can't end the process. */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { lineOfTool } from "./cli/command_line/called_by_tools.ts";
import { parse } from "./cli/command_line/parse.ts";
import { runHere } from "./program.ts";

self.postMessage(await runHere(await parse(lineOfTool(Deno.args))));
