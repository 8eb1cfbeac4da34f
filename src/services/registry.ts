import { NanoctlError } from "../errors.ts";
import { BUILT_IN } from "./builtin/index.ts";
import type { ServiceName } from "./names.ts";
import type { Service } from "./service.ts";

/** Loads the built-in service of this name, and no other. Throws `usage` if there is none. */
export async function loadService(name: ServiceName): Promise<Service> {
  switch (name) {
    case "nanoservices":
      return (await import("./nanoservices.ts")).nanoservices;
    case "coder":
      return (await import("./coder.ts")).coder;
    case "oauth":
      return (await import("./oauth/service.ts")).oauth;
  }
  const load = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (!load) throw new NanoctlError("usage", "there is no such service");
  const [{ describedService }, description] = await Promise.all([
    import("./description/described.ts"),
    load(),
  ]);
  return describedService(description);
}
