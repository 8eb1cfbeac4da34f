import type { ServiceDescription } from "../description/schema.ts";

/** Gitea and Forgejo, as Gitea's API describes itself. */
export const gitea: ServiceDescription = {
  name: "gitea",
  title: "Gitea",
  url: "https://gitea.com",
  api: "{url}/api/v1",
  present: [{ header: "authorization", value: "token {token}" }],
  token_page: "{url}/user/settings/applications",
  account: [
    {
      path: "/user",
      username: [{ field: "login" }],
      email: [{ field: "email" }],
    },
    {
      // Only the newest have it.
      path: "/token",
      unknown_on: [401, 403, 404],
      scopes: [{ field: "scopes" }],
      // There is no such field: tokens don't expire.
      expires_at: [{ field: "expires_at", format: "rfc3339" }],
    },
  ],
  // Where it is not there, a token can be deleted with the password only.
  revoke: { method: "DELETE", path: "/token" },
  message: [{ field: "message" }],
  recognize: [
    {
      path: "/version",
      all: [{ status: [200], field: "version" }],
    },
    {
      path: "/version",
      all: [{ status: [401, 403], field: "url", contains: "/api/swagger" }],
    },
  ],
};
