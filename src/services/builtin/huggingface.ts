import type { ServiceDescription } from "../description/schema.ts";

/** Hugging Face Hub, as its documentation and the Hub's own clients have it. */
export const huggingface: ServiceDescription = {
  name: "huggingface",
  title: "Hugging Face",
  url: "https://huggingface.co",
  present: [{
    header: "authorization",
    value: "Bearer {token}",
    git_username: "hf_user",
  }],
  token_page: "{url}/settings/tokens/new?tokenType=read",
  account: [{
    path: "/api/whoami-v2",
    username: [{ field: "name" }],
    email: [{ field: "email" }],
    scopes: [{ field: "auth.accessToken.role" }],
    // Only what OAuth issued expires.
    expires_at: [{ field: "auth.expiresAt", format: "rfc3339" }],
  }],
  // What it offers for leaked tokens: it takes no authentication, and tells the owner.
  revoke: {
    method: "POST",
    path: "/api/credentials/revoke",
    json: { credentials: ["{token}"] },
    anonymous: true,
  },
  refusals: [
    {
      status: [401, 403],
      field: "error",
      contains: "has been revoked",
      means: "token_revoked",
    },
    {
      status: [429],
      means: "rate_limited",
      until: [{ header: "ratelimit", format: "ratelimit" }],
    },
  ],
  message: [{ field: "error" }],
  device: {
    device_authorization_endpoint: "{url}/oauth/device",
    token_endpoint: "{url}/oauth/token",
    scope: "openid profile email",
    register: "make a public OAuth app at {url}/settings/applications/new",
  },
  recognize: [{
    path: "/api/whoami-v2",
    all: [{ status: [401], header: "x-error-message" }, {
      header: "ratelimit",
    }],
  }],
};
