import type { ServiceDescription } from "../description/schema.ts";

/** GitLab.com and self-managed GitLab, as their REST API's documentation has them. */
export const gitlab: ServiceDescription = {
  name: "gitlab",
  title: "GitLab",
  url: "https://gitlab.com",
  api: "{url}/api/v4",
  present: [{
    header: "authorization",
    value: "Bearer {token}",
    git_username: "oauth2",
  }],
  token_page:
    "{url}/-/user_settings/personal_access_tokens?name=nanoctl&scopes=read_user",
  account: [
    {
      path: "/user",
      username: [{ field: "username" }],
      email: [{ field: "email" }],
    },
    {
      path: "/personal_access_tokens/self",
      // What an OAuth token gets there.
      unknown_on: [400, 401, 403, 404],
      scopes: [{ field: "scopes" }],
      // It ends when that day begins.
      expires_at: [{ field: "expires_at", format: "date" }],
    },
    {
      base: "{url}",
      path: "/oauth/token/info",
      // What a personal access token gets there.
      unknown_on: [400, 401, 403, 404],
      scopes: [{ field: "scope" }],
      expires_at: [{ field: "expires_in", format: "seconds" }],
    },
  ],
  revoke: { method: "DELETE", path: "/personal_access_tokens/self" },
  refusals: [
    {
      status: [401],
      field: "error_description",
      contains: "token is expired",
      means: "token_expired",
    },
    {
      status: [401],
      field: "error_description",
      contains: "token was revoked",
      means: "token_revoked",
    },
    {
      status: [429],
      means: "rate_limited",
      until: [{ header: "ratelimit-reset", format: "unix" }],
    },
  ],
  message: [{ field: "error_description" }, { field: "message" }],
  device: {
    device_authorization_endpoint: "{url}/oauth/authorize_device",
    token_endpoint: "{url}/oauth/token",
    revocation_endpoint: "{url}/oauth/revoke",
    scope: "read_user",
    register:
      "add an application that is not confidential at {url}/-/user_settings/applications",
  },
  recognize: [{ path: "/version", all: [{ header: "x-gitlab-meta" }] }],
};
