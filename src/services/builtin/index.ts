// Made by 'deno task docs' from the files beside it. Don't edit it.

import type { ServiceDescription } from "../description/schema.ts";

/** How to load the services that are described beside this file, by name. */
export const BUILT_IN: Readonly<
  Record<string, () => Promise<ServiceDescription>>
> = {
  "bitbucket": async () => (await import("./bitbucket.ts")).bitbucket,
  "digitalocean": async () => (await import("./digitalocean.ts")).digitalocean,
  "gitea": async () => (await import("./gitea.ts")).gitea,
  "github": async () => (await import("./github.ts")).github,
  "gitlab": async () => (await import("./gitlab.ts")).gitlab,
  "huggingface": async () => (await import("./huggingface.ts")).huggingface,
  "npm": async () => (await import("./npm.ts")).npm,
  "vault": async () => (await import("./vault.ts")).vault,
};
