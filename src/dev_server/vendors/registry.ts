import { NanoctlError } from "../../errors.ts";
import type { Vendor } from "./vendor.ts";

/** The services that `dev-server --as` can be, each loaded when it is asked for. */
const VENDORS: Readonly<Record<string, () => Promise<Vendor>>> = {
  github: async () => (await import("./github.ts")).github,
  gitlab: async () => (await import("./gitlab.ts")).gitlab,
  gitea: async () => (await import("./gitea.ts")).gitea,
  forgejo: async () => (await import("./gitea.ts")).forgejo,
  bitbucket: async () => (await import("./bitbucket.ts")).bitbucket,
  digitalocean: async () => (await import("./digitalocean.ts")).digitalocean,
  npm: async () => (await import("./npm.ts")).npm,
  huggingface: async () => (await import("./huggingface.ts")).huggingface,
  vault: async () => (await import("./vault.ts")).vault,
};

/** Their names. */
export const VENDOR_NAMES: readonly string[] = Object.keys(VENDORS);

/** The service of this name. Throws `usage` if there is none. */
export async function loadVendor(name: string): Promise<Vendor> {
  const load = Object.hasOwn(VENDORS, name) ? VENDORS[name] : undefined;
  if (load) return await load();
  throw new NanoctlError(
    "usage",
    `--as ${JSON.stringify(name)} is no service that the embedded one can be`,
    `give one of ${VENDOR_NAMES.join(", ")}`,
  );
}
