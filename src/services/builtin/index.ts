// Made by 'deno task docs' from the files beside it. Don't edit it.

import type { ServiceDescription } from "../description/schema.ts";

/** A built-in service: its own URL, if it has one, and how to load its description. */
interface BuiltIn {
  readonly url?: string;
  load(): Promise<ServiceDescription>;
}

/** The services that are described beside this file, by name. */
export const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  "bitbucket": {
    url: "https://bitbucket.org",
    load: async () => (await import("./bitbucket.ts")).bitbucket,
  },
  "digitalocean": {
    url: "https://cloud.digitalocean.com",
    load: async () => (await import("./digitalocean.ts")).digitalocean,
  },
  "gitea": {
    url: "https://gitea.com",
    load: async () => (await import("./gitea.ts")).gitea,
  },
  "github": {
    url: "https://github.com",
    load: async () => (await import("./github.ts")).github,
  },
  "gitlab": {
    url: "https://gitlab.com",
    load: async () => (await import("./gitlab.ts")).gitlab,
  },
  "huggingface": {
    url: "https://huggingface.co",
    load: async () => (await import("./huggingface.ts")).huggingface,
  },
  "npm": {
    load: async () => (await import("./npm.ts")).npm,
  },
  "vault": {
    url: "https://127.0.0.1:8200",
    load: async () => (await import("./vault.ts")).vault,
  },
};
