import type { ServiceDescription } from "../description/schema.ts";

/** DigitalOcean, as its OpenAPI description and its documentation of OAuth have it. */
export const digitalocean: ServiceDescription = {
  name: "digitalocean",
  title: "DigitalOcean",
  url: "https://cloud.digitalocean.com",
  api_of_url: "https://api.digitalocean.com",
  present: [{ header: "authorization", value: "Bearer {token}" }],
  token_page: "{url}/account/api/tokens/new",
  account: [
    {
      path: "/v2/account",
      // There is no user name but the e-mail address.
      username: [{ field: "account.email" }],
      email: [{ field: "account.email" }],
    },
    {
      base: "{url}",
      path: "/v1/oauth/token/info",
      unknown_on: [403, 404],
      scopes: [{ field: "scopes" }],
      expires_at: [{ field: "expires_in_seconds", format: "seconds" }],
    },
  ],
  revoke: {
    method: "POST",
    base: "{url}",
    path: "/v1/oauth/revoke",
    form: { token: "{token}" },
  },
  refusals: [{
    status: [429],
    means: "rate_limited",
    until: [{ header: "ratelimit-reset", format: "unix" }],
  }],
  message: [{ field: "message" }],
  recognize: [{
    path: "/v2/account",
    all: [{ status: [401], header: "ratelimit-limit" }, { field: "id" }],
  }],
};
