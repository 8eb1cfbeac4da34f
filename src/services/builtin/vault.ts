import type { ServiceDescription } from "../description/schema.ts";

/** HashiCorp Vault and OpenBao, as OpenBao's API documentation describes their tokens. */
export const vault: ServiceDescription = {
  name: "vault",
  title: "Vault",
  url: "https://127.0.0.1:8200",
  headers: { "x-vault-request": "true" },
  present: [{ header: "x-vault-token", value: "{token}" }],
  token_page: "{url}/ui/",
  account: [{
    path: "/v1/auth/token/lookup-self",
    // The policy that every token has allows it.
    invalid_on: [403],
    username: [{ field: "data.meta.username" }, { field: "data.display_name" }],
    scopes: [{ field: "data.policies" }],
    expires_at: [{ field: "data.expire_time", format: "rfc3339" }],
  }],
  revoke: { method: "POST", path: "/v1/auth/token/revoke-self" },
  renew: {
    method: "POST",
    path: "/v1/auth/token/renew-self",
    if: { field: "data.renewable" },
    token: [{ field: "auth.client_token" }],
    expires_at: [{ field: "auth.lease_duration", format: "seconds" }],
  },
  refusals: [{
    status: [403],
    field: "errors",
    contains: "invalid token",
    means: "token_invalid",
  }, {
    status: [429],
    means: "rate_limited",
    until: [{ header: "x-ratelimit-reset", format: "seconds" }],
  }],
  message: [{ field: "errors.0" }],
  recognize: [{
    path: "/v1/sys/health",
    all: [{ field: "initialized" }, { field: "sealed" }],
  }],
};
