// Made by 'deno task docs' from the files beside it. Don't edit it.

import type { ServiceDescription } from "../description/schema.ts";

/** A built-in service: its own URL, if it has one, and how to load its description. */
interface BuiltIn {
  readonly url?: string;
  load(): Promise<ServiceDescription>;
}

/** The services that are described beside this file, by name. */
export const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  "digitalocean": {
    url: "https://cloud.digitalocean.com",
    load: async () => (await import("./digitalocean.ts")).digitalocean,
  },
  "github": {
    url: "https://github.com",
    load: async () => (await import("./github.ts")).github,
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
