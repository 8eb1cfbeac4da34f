import type { ServiceDescription } from "../description/schema.ts";

/** Bitbucket Cloud, as Atlassian's REST reference and its pages on API tokens have it. */
export const bitbucket: ServiceDescription = {
  name: "bitbucket",
  title: "Bitbucket",
  url: "https://bitbucket.org",
  api_of_url: "https://api.bitbucket.org/2.0",
  api: "{url}/2.0",
  present: [
    // An API token belongs to an e-mail address: <address>:<token>.
    {
      token_contains: ":",
      basic: {},
      git_username: "x-bitbucket-api-token-auth",
    },
    // An access token of a repository, a project or a workspace.
    {
      header: "authorization",
      value: "Bearer {token}",
      git_username: "x-token-auth",
    },
  ],
  token_page: "https://id.atlassian.com/manage-profile/security/api-tokens",
  token_form: "your e-mail address, a colon and the token",
  account: [
    {
      path: "/user",
      username: [{ field: "username" }, { field: "nickname" }],
      scopes: [{ header: "x-oauth-scopes" }],
    },
    {
      path: "/user/emails",
      unknown_on: [403, 404],
      email: [{ field: "values.0.email" }],
    },
  ],
  revoke: {
    impossible:
      "delete it at https://id.atlassian.com/manage-profile/security/api-tokens",
  },
  refusals: [{
    status: [401],
    field: "error",
    contains: "no bitbucket scopes",
    means: "insufficient_scope",
  }],
  message: [{ field: "error.message" }, { field: "error" }],
  recognize: [{
    path: "/user",
    all: [{ status: [401], field: "type", equals: "error" }],
  }],
};
