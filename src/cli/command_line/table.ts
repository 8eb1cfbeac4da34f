import type { Command } from "./spec.ts";

/** A command's line in help, and how to load its spec. */
export interface TableEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands by name, in the order of help. A start loads the one that it runs. */
export const COMMANDS: Readonly<Record<string, TableEntry>> = {
  "login": {
    summary: "Log in, with a token or another way.",
    load: async () => (await import("../commands/login.ts")).login,
  },
  "logout": {
    summary: "Delete the stored token of a profile.",
    load: async () => (await import("../commands/logout.ts")).logout,
  },
  "whoami": {
    summary: "Ask the service who you are.",
    load: async () => (await import("../commands/whoami.ts")).whoami,
  },
  "status": {
    summary: "Show what is stored and which token is active.",
    load: async () => (await import("../commands/status.ts")).status,
  },
  "doctor": {
    summary: "Find problems, and say how to fix them.",
    load: async () => (await import("../commands/doctor.ts")).doctor,
  },
  "token": {
    summary: "Print the active token, for scripts.",
    load: async () => (await import("../commands/token.ts")).token,
  },
  "external-auth access-token": {
    summary: "Print an access token of an external provider.",
    load: async () =>
      (await import("../commands/external_auth/access_token.ts")).accessToken,
  },
  "external-auth list": {
    summary: "List providers, and whether you are authenticated.",
    load: async () =>
      (await import("../commands/external_auth/list.ts")).externalAuthList,
  },
  "credential git": {
    summary: "Serve credentials to git.",
    load: async () =>
      (await import("../commands/credential/git.ts")).credentialGit,
  },
  "credential kubernetes": {
    summary: "Serve a token to kubectl.",
    load: async () =>
      (await import("../commands/credential/kubernetes.ts"))
        .credentialKubernetes,
  },
  "credential docker": {
    summary: "Serve credentials to docker, skopeo and podman.",
    load: async () =>
      (await import("../commands/credential/docker.ts")).credentialDocker,
  },
  "api": {
    summary: "Send an authenticated request.",
    load: async () => (await import("../commands/api.ts")).api,
  },
  "exec": {
    summary: "Run a command with the token in its environment.",
    load: async () => (await import("../commands/exec.ts")).exec,
  },
  "use": {
    summary: "Make a stored profile the active one.",
    load: async () => (await import("../commands/use.ts")).use,
  },
  "store info": {
    summary: "Show where the credential file is and how it is encrypted.",
    load: async () => (await import("../commands/store/info.ts")).storeInfo,
  },
  "store rekey": {
    summary: "Re-encrypt everything with a new key.",
    load: async () => (await import("../commands/store/rekey.ts")).storeRekey,
  },
  "store key add": {
    summary: "Add a key that opens the credential file.",
    load: async () =>
      (await import("../commands/store/key/add.ts")).storeKeyAdd,
  },
  "store key list": {
    summary: "List the keys that open the credential file.",
    load: async () =>
      (await import("../commands/store/key/list.ts")).storeKeyList,
  },
  "store key remove": {
    summary: "Remove a key of the credential file.",
    load: async () =>
      (await import("../commands/store/key/remove.ts")).storeKeyRemove,
  },
  "service add": {
    summary: "Add a service from a file or a URL.",
    load: async () => (await import("../commands/service/add.ts")).serviceAdd,
  },
  "service list": {
    summary: "List the services that --service can name.",
    load: async () => (await import("../commands/service/list.ts")).serviceList,
  },
  "service show": {
    summary: "Print the description of a service.",
    load: async () => (await import("../commands/service/show.ts")).serviceShow,
  },
  "service remove": {
    summary: "Remove an added service.",
    load: async () =>
      (await import("../commands/service/remove.ts")).serviceRemove,
  },
  "service test": {
    summary: "Test a description against the real service.",
    load: async () => (await import("../commands/service/test.ts")).serviceTest,
  },
  "explain": {
    summary: "Explain an error code, and how to fix it.",
    load: async () => (await import("../commands/explain.ts")).explain,
  },
  "completions": {
    summary: "Print a shell completion script.",
    load: async () => (await import("../commands/completions.ts")).completions,
  },
  "dev-server": {
    summary: "Run the embedded service, for demos and tests.",
    load: async () => (await import("../commands/dev_server.ts")).devServer,
  },
};

/** The groups of commands, and what help says about each. */
export const GROUPS: Readonly<Record<string, string>> = {
  "external-auth": "Get tokens of external providers, such as GitHub.",
  "credential": "Serve credentials to git, docker and kubectl.",
  "store": "Manage the credential file.",
  "store key": "Manage the keys of the credential file.",
  "service": "Manage descriptions of other services.",
};

/** In which groups help lists the commands of the first level, and in which order. */
export const HELP_GROUPS: Readonly<Record<string, readonly string[]>> = {
  "to log in": ["login", "logout", "whoami", "status", "use"],
  "to use the token": ["token", "exec", "api", "external-auth", "credential"],
  "to look after it": ["store", "service", "doctor", "explain"],
  "to try it out": ["dev-server", "completions"],
};

/** The words that can follow a group, or start a command line if no group is given; in the order of help. */
export function wordsBelow(group = ""): string[] {
  const start = group === "" ? "" : `${group} `;
  const names = Object.keys(COMMANDS)
    .filter((name) => name.startsWith(start))
    .map((name) => name.slice(start.length).split(" ")[0] ?? "");
  return [...new Set(names)];
}
