import type { ServiceDescription } from "../description/schema.ts";

/** GitHub and GitHub Enterprise Server, as docs.github.com describes their REST API. */
export const github: ServiceDescription = {
  name: "github",
  title: "GitHub",
  url: "https://github.com",
  api_of_url: "https://api.github.com",
  api: "{url}/api/v3",
  headers: {
    "accept": "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
  },
  present: [{
    header: "authorization",
    value: "Bearer {token}",
    git_username: "x-access-token",
  }],
  token_page: "{url}/settings/tokens/new?description=nanoctl&scopes=read:user",
  account: [
    {
      path: "/user",
      username: [{ field: "login" }],
      email: [{ field: "email" }],
      scopes: [{ header: "x-oauth-scopes" }],
      // Only tokens that expire have it.
      expires_at: [{
        header: "github-authentication-token-expiration",
        format: "github",
      }],
    },
    // Who shows no address to everyone.
    {
      path: "/user/emails",
      unknown_on: [403, 404],
      email: [{ field: "0.email" }],
    },
  ],
  // What it offers for leaked tokens: it tells the owner. github.com takes it without authentication only.
  revoke: {
    method: "POST",
    path: "/credentials/revoke",
    json: { credentials: ["{token}"] },
    anonymous: true,
  },
  refusals: [
    {
      status: [403, 429],
      header: "x-ratelimit-remaining",
      equals: "0",
      means: "rate_limited",
      until: [{ header: "x-ratelimit-reset", format: "unix" }],
    },
    {
      status: [403, 429],
      field: "message",
      contains: "rate limit",
      means: "rate_limited",
    },
  ],
  message: [{ field: "message" }],
  device: {
    device_authorization_endpoint: "{url}/login/device/code",
    token_endpoint: "{url}/login/oauth/access_token",
    scope: "read:user",
    register: "make an OAuth app with device flow at {url}/settings/developers",
  },
  recognize: [{
    path: "/meta",
    all: [{ header: "x-github-enterprise-version" }],
  }],
};
