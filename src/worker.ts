/** The whole program in a worker. It says its exit code, as a worker can't end the process. */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { runProgram } from "./program.ts";

self.postMessage(await runProgram());
