/** The homes that the bench starts programs in. */

import { runDeno, SetupError } from "../process.ts";

/** Stores logins in a home as the program itself would: so many profiles, for the service at this URL. */
export async function storeLogins(
  root: string,
  home: string,
  profiles: number,
  url: string,
  token: string,
): Promise<void> {
  await Deno.mkdir(home, { recursive: true });
  const path = `${home}/fill.ts`;
  await Deno.writeTextFile(path, FILL);
  const { success, stderr } = await runDeno(
    ["run", "-A", "--no-check", "--config", `${root}/deno.json`, path],
    {
      cwd: root,
      env: {
        FILL: JSON.stringify({ root, home, profiles, url, token }),
      },
    },
  );
  if (!success) throw new SetupError(stderr);
}

/** A home in which gh keeps a token, as it does where there is no keyring: in plain text. */
export async function ghHome(home: string): Promise<void> {
  const folder = `${home}/.config/gh`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/hosts.yml`,
    "github.com:\n    oauth_token: a-token\n    user: ada\n    git_protocol: https\n",
    { mode: 0o600 },
  );
}

/** A process of its own: the profiles are sealed as the program seals them. */
const FILL = `
const { root, home, profiles, url, token } = JSON.parse(Deno.env.get("FILL"));
const { Secret } = await import(root + "/src/secret.ts");
const { CredentialStore } = await import(root + "/src/store/credential_store.ts");
const { formatFile } = await import(root + "/src/store/credential_file.ts");
const { seal } = await import(root + "/src/store/envelope.ts");
const { openKey } = await import(root + "/src/store/key_source.ts");
const env = { get: (name) => name === "HOME" ? home : undefined };
const context = { env, os: Deno.build.os, now: () => new Date() };
const store = new CredentialStore(context);
const login = {
  service: "nanoservices",
  url,
  username: "ada",
  expiresAt: undefined,
  token: new Secret(token),
};
await store.save({ ...login, profile: "default" });
const file = JSON.parse(Deno.readTextFileSync(store.path));
const { key } = await openKey({ ...context, fs: Deno }, file.key);
for (let index = 1; index < profiles; index++) {
  const profile = "profile-" + index;
  const binding = {
    keyId: file.key.id,
    profile,
    service: login.service,
    url: login.url,
    username: login.username,
    expiresAt: null,
  };
  file.profiles[profile] = {
    ...file.profiles.default,
    sealed: await seal(key, { token: login.token }, binding),
  };
}
Deno.writeTextFileSync(store.path, formatFile(file));
`;
