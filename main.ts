// Scripts call `token` in loops: it gets by with this file and one more.
if (["token", "--version", "-V"].includes(Deno.args[0] ?? "")) {
  // What `token` needs, the fast path finds out: it may have to store a renewed one.
  if (Deno.args[0] !== "token") {
    Deno.permissions.revokeSync({ name: "write" });
    Deno.permissions.revokeSync({ name: "run" });
  }
  const { runFastPath } = await import("./src/cli/fast_path.ts");
  const done = await runFastPath(Deno.args, {
    env: Deno.env,
    os: Deno.build.os,
    now: () => new Date(),
    write: (bytes) => Deno.stdout.writeSync(bytes),
    dropWriting: () => Deno.permissions.revokeSync({ name: "write" }),
  });
  if (done) Deno.exit(0);
}
Deno.exit(await (await import("./src/program.ts")).runProgram());
