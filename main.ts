// Scripts call `token` in loops: it gets by with this file and one more.
if (["token", "--version", "-V"].includes(Deno.args[0] ?? "")) {
  // None of these writes, and no dependency is loaded yet.
  Deno.permissions.revokeSync({ name: "write" });
  // Whether `token` needs a credential helper takes longer to find out.
  if (Deno.args[0] !== "token") Deno.permissions.revokeSync({ name: "run" });
  const { runFastPath } = await import("./src/cli/fast_path.ts");
  const done = await runFastPath(Deno.args, {
    env: Deno.env,
    os: Deno.build.os,
    now: () => new Date(),
    write: (bytes) => Deno.stdout.writeSync(bytes),
  });
  if (done) Deno.exit(0);
}
Deno.exit(await (await import("./src/program.ts")).runProgram());
