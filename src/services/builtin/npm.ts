import type { ServiceDescription } from "../description/schema.ts";

/** A registry that speaks npm's API, as the registry's documentation and npm's own client have it. */
export const npm: ServiceDescription = {
  name: "npm",
  title: "an npm registry",
  present: [{ header: "authorization", value: "Bearer {token}" }],
  token_page: "{url}",
  account: [
    { path: "/-/whoami", username: [{ field: "username" }] },
    {
      path: "/-/npm/v1/user",
      // What a granular token gets there, and registries that have no profiles.
      unknown_on: [401, 403, 404],
      email: [{ field: "email" }],
    },
  ],
  revoke: { method: "DELETE", path: "/-/user/token/{token}" },
  message: [{ field: "message" }, { field: "error" }],
  recognize: [{
    path: "/-/ping",
    all: [{ status: [200], header: "content-type", contains: "json" }],
  }],
};
