/** How a built-in service refuses what: an error code and its exit code. */
export type Refusal = readonly [code: string, exit: number];

/** What a login to a built-in service comes to, at its counterpart in the embedded service. */
export interface BuiltInCase {
  /** The counterpart: `dev-server --as`. */
  readonly as: string;
  /** `--service`. */
  readonly service: string;
  /** What a message calls it. */
  readonly title: string;
  readonly username: string;
  readonly email: string | null;
  readonly scopes?: readonly string[];
  /** Whether it says when the token ends. */
  readonly expires: boolean;
  /** What a token is given as. */
  form?(token: string): string;
  readonly expired: Refusal;
  readonly revoked: Refusal;
  /** A token without scopes; undefined where the account needs none. */
  readonly withoutScopes?: Refusal;
  /** A path of its API that anyone may ask, and a field of the answer. */
  readonly api: readonly [path: string, field: string];
  /** Whether a token can end itself. */
  readonly revocable: boolean;
  /** The user name that git is given. */
  readonly gitUsername: string;
}

const INVALID: Refusal = ["token_invalid", 4];
const NO_SCOPE: Refusal = ["insufficient_scope", 4];
const ADA = { username: "ada", email: "ada@example.com" };

/** Every built-in service. */
export const BUILT_IN_CASES: readonly BuiltInCase[] = [
  {
    ...ADA,
    as: "github",
    service: "github",
    title: "GitHub",
    scopes: ["repo", "user"],
    expires: true,
    expired: INVALID,
    revoked: INVALID,
    api: ["/user", "login"],
    revocable: true,
    gitUsername: "x-access-token",
  },
  {
    ...ADA,
    as: "gitlab",
    service: "gitlab",
    title: "GitLab",
    scopes: ["api", "read_user"],
    expires: true,
    expired: ["token_expired", 4],
    revoked: ["token_revoked", 4],
    withoutScopes: NO_SCOPE,
    api: ["/user", "username"],
    revocable: true,
    gitUsername: "oauth2",
  },
  {
    ...ADA,
    as: "gitea",
    service: "gitea",
    title: "Gitea",
    scopes: ["read:user", "write:repository"],
    expires: false,
    expired: INVALID,
    revoked: INVALID,
    withoutScopes: NO_SCOPE,
    api: ["/user", "login"],
    revocable: true,
    gitUsername: "ada",
  },
  {
    ...ADA,
    as: "forgejo",
    service: "gitea",
    title: "Gitea",
    expires: false,
    expired: INVALID,
    revoked: INVALID,
    withoutScopes: NO_SCOPE,
    api: ["/user", "login"],
    revocable: false,
    gitUsername: "ada",
  },
  {
    ...ADA,
    as: "bitbucket",
    service: "bitbucket",
    title: "Bitbucket",
    expires: false,
    form: (token) => `ada@example.com:${token}`,
    expired: INVALID,
    revoked: INVALID,
    withoutScopes: NO_SCOPE,
    api: ["/user", "username"],
    revocable: false,
    gitUsername: "x-bitbucket-api-token-auth",
  },
  {
    as: "digitalocean",
    service: "digitalocean",
    title: "DigitalOcean",
    username: "ada@example.com",
    email: "ada@example.com",
    scopes: ["account:read", "droplet:read", "reserved_ip:read"],
    expires: true,
    expired: INVALID,
    revoked: INVALID,
    withoutScopes: NO_SCOPE,
    api: ["/v2/account", "account"],
    revocable: true,
    gitUsername: "ada@example.com",
  },
  {
    ...ADA,
    as: "npm",
    service: "npm",
    title: "an npm registry",
    expires: false,
    expired: INVALID,
    revoked: INVALID,
    api: ["/-/whoami", "username"],
    revocable: true,
    gitUsername: "ada",
  },
  {
    ...ADA,
    as: "huggingface",
    service: "huggingface",
    title: "Hugging Face",
    scopes: ["read"],
    expires: false,
    expired: INVALID,
    revoked: INVALID,
    api: ["/api/whoami-v2", "name"],
    revocable: true,
    gitUsername: "hf_user",
  },
  {
    as: "vault",
    service: "vault",
    title: "Vault",
    username: "ada",
    email: null,
    scopes: ["default"],
    expires: true,
    expired: INVALID,
    revoked: INVALID,
    withoutScopes: INVALID,
    api: ["/v1/auth/token/lookup-self", "data"],
    revocable: true,
    gitUsername: "ada",
  },
];
