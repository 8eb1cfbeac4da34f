import { ownOs } from "./src/process/system/systems.ts";
import { TOKEN_COMMAND, variableIfText } from "./src/process/variables.ts";
import { type FileTop, readTop } from "./src/store/file_top.ts";
import { foldersOf } from "./src/store/paths.ts";

let needed: FileTop | undefined;
// Scripts call `token` in loops: it gets by with this file and one more.
if (["token", "--version", "-V"].includes(Deno.args[0] ?? "")) {
  const { credentials } = foldersOf({
    env: { get: variableIfText },
    os: ownOs,
  });
  if (Deno.args[0] === "token") needed = readTop(credentials, new Date());
  const runsCommand = Boolean(variableIfText(TOKEN_COMMAND)) ||
    Deno.args.some((arg) => arg.startsWith("--token-command"));
  // Renewing and running one take the whole program, which drops permissions itself.
  if (needed?.renewal !== "due" && !runsCommand) {
    Deno.permissions.revokeSync({ name: "write" });
    if (!needed?.mayNeedHelper) Deno.permissions.revokeSync({ name: "run" });
    // No dependency is loaded before.
    const { runFastPath } = await import("./src/cli/fast_path.ts");
    const done = await runFastPath(Deno.args, {
      env: Deno.env,
      os: ownOs,
      now: () => new Date(),
      write: (bytes) => Deno.stdout.writeSync(bytes),
    });
    if (done) Deno.exit(0);
  }
}
Deno.exit(await (await import("./src/program.ts")).runProgram(needed));
