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
  // Forgejo and older ones don't have it: there it takes the password.
  revoke: {
    method: "DELETE",
    path: "/token",
    impossible_on: [404, 405],
    impossible: "delete it at {url}/user/settings/applications",
  },
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
