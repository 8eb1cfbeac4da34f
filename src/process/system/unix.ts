import type { System } from "./system.ts";

/** Linux, and what is like it. */
export const unix: System = {
  separator: "/",
  splitList: (list) => list.split(":"),
  isAbsolute: (path) => path.startsWith("/"),
  isPath: (program) => program.includes("/"),
  folderOf: (path) => path.slice(0, path.lastIndexOf("/")) || "/",
  isFileName: (name) => !/^\.{0,2}$|[/\0]/.test(name),
  userFolders: {
    config: [{ variable: "HOME", below: [".config"] }],
    data: [{ variable: "HOME", below: [".local", "share"] }],
  },

  variableKey: (name) => name,

  hasModes: true,
  isInProfile: () => true,
  rename: (fs, from, to) => fs.renameSync(from, to),
  sync: (file) => file.syncSync(),
  syncsFolders: true,

  programNames: (name) => [name],
  isProgram: ({ isFile, mode }) => isFile && ((mode ?? 0) & 0o111) !== 0,
  faultOfArguments: () => undefined,
  escapesByBackslash: true,
  keyHelpers: ["secretservice", "pass"],
  // Without a display there could only be a browser in the terminal, which is in use.
  pageOpener: ({ DISPLAY, WAYLAND_DISPLAY }) =>
    DISPLAY || WAYLAND_DISPLAY ? ["xdg-open"] : [],

  endingSignals: { SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 },
  passedSignals: [
    "SIGINT",
    "SIGTERM",
    "SIGHUP",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
  ],
  sharedSignals: ["SIGINT", "SIGQUIT"],
  alwaysShares: false,
  wasInterrupted: ({ code, signal }) => signal === "SIGINT" || code === 128 + 2,
  hush: (stdin) => stdin.setRaw(true, { cbreak: true }),

  keepsAuthorities: false,
};
