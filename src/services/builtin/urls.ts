// Made by 'deno task docs' from the files beside it. Don't edit it.

/** The built-in services, and their own URLs if they have one. They load nothing. */
export const BUILT_IN_URLS: Readonly<Record<string, string | undefined>> = {
  "bitbucket": "https://bitbucket.org",
  "digitalocean": "https://cloud.digitalocean.com",
  "gitea": "https://gitea.com",
  "github": "https://github.com",
  "gitlab": "https://gitlab.com",
  "huggingface": "https://huggingface.co",
  "npm": undefined,
  "vault": "https://127.0.0.1:8200",
};
