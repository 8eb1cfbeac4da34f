import type { Command } from "./spec.ts";

/** A command's line in help, and how to load its spec. */
export interface TableEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands by name, in the order of help. A start loads the one that it runs. */
export const COMMANDS: Readonly<Record<string, TableEntry>> = {
  "login": {
    summary: "Log in with a token, given or asked for.",
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
    summary: "Check that all is well, and say what helps if not.",
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
    summary: "Answer git, which asks for a login.",
    load: async () =>
      (await import("../commands/credential/git.ts")).credentialGit,
  },
  "credential kubernetes": {
    summary: "Answer kubectl, which asks for a token.",
    load: async () =>
      (await import("../commands/credential/kubernetes.ts"))
        .credentialKubernetes,
  },
  "credential docker": {
    summary: "Answer docker, skopeo and podman.",
    load: async () =>
      (await import("../commands/credential/docker.ts")).credentialDocker,
  },
  "api": {
    summary: "Send an authenticated request, print the answer.",
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
    summary: "Encrypt everything that is stored with a new key.",
    load: async () => (await import("../commands/store/rekey.ts")).storeRekey,
  },
  "store key add": {
    summary: "Have one more key open the credential file.",
    load: async () =>
      (await import("../commands/store/key/add.ts")).storeKeyAdd,
  },
  "store key list": {
    summary: "List the keys that open the credential file.",
    load: async () =>
      (await import("../commands/store/key/list.ts")).storeKeyList,
  },
  "store key remove": {
    summary: "Have a key no longer open the credential file.",
    load: async () =>
      (await import("../commands/store/key/remove.ts")).storeKeyRemove,
  },
  "service add": {
    summary: "Add a service that a file or a URL describes.",
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
    summary: "Forget a service that was added.",
    load: async () =>
      (await import("../commands/service/remove.ts")).serviceRemove,
  },
  "service test": {
    summary: "Check a description against the real service.",
    load: async () => (await import("../commands/service/test.ts")).serviceTest,
  },
  "explain": {
    summary: "Explain an error code, and what to do about it.",
    load: async () => (await import("../commands/explain.ts")).explain,
  },
  "completions": {
    summary: "Print a script that completes command lines.",
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
  "credential": "Give tools the logins that they ask for.",
  "store": "Look after the credential file.",
  "store key": "Have several keys open the credential file.",
  "service": "Describe other services.",
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
