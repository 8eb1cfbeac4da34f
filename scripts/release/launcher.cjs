#!/usr/bin/env node
// deno-lint-ignore-file explicit-function-return-type -- this is JavaScript
// Starts the program in the package for this system, and is as if it were not there.
"use strict";

const process = require("node:process");

const SYSTEMS = { darwin: "macos", win32: "windows" };
const isWindows = process.platform === "win32";

function find() {
  const system = SYSTEMS[process.platform] ?? process.platform;
  const name = `@nanoctl/${system}-${process.arch}`;
  try {
    return require.resolve(`${name}/nanoctl${isWindows ? ".exe" : ""}`);
  } catch {
    process.stderr.write(
      `error: the package ${name} is not installed\n` +
        "hint: npm leaves it out with --omit=optional, where there is none for the system, " +
        "and on Linux with musl, such as Alpine\n",
    );
    process.exit(1);
  }
}

function start(program) {
  const args = process.argv.slice(2);
  // Node 22.15 and later: nothing of Node remains.
  if (process.execve && !isWindows) process.execve(program, [program, ...args]);
  const { spawn } = require("node:child_process");
  const child = spawn(program, args, { stdio: "inherit" });
  // The signals of a terminal reach the program anyway, and must not end this process before it.
  const isOnTerminal = [0, 1, 2].some((fd) => require("node:tty").isatty(fd));
  for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"]) {
    const fromTerminal = signal === "SIGINT" || signal === "SIGQUIT";
    process.on(signal, () => {
      if (!fromTerminal || !isOnTerminal) child.kill(signal);
    });
  }
  child.on("error", ({ message }) => {
    process.stderr.write(`error: ${program} cannot be started: ${message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) return process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

start(find());
