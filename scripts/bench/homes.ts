/** The homes that the bench starts programs in. */

import { Secret } from "../../src/secret.ts";
import {
  entryOf,
  formatFile,
  parseFile,
} from "../../src/store/credential_file.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { bindingOf, seal } from "../../src/store/envelope.ts";
import { openKey } from "../../src/store/key_source.ts";
import { FakeContext } from "../../tests/support/fake_context.ts";

const FIRST = "default";

/** Stores logins in a home as the program itself would: so many profiles, for the service at this URL. */
export async function storeLogins(
  home: string,
  profiles: number,
  url: string,
  token: string,
): Promise<void> {
  const context = new FakeContext({
    env: { HOME: home },
    os: Deno.build.os,
  });
  const store = new CredentialStore(context);
  await store.save({
    profile: FIRST,
    service: "nanoservices",
    url,
    username: "ada",
    expiresAt: undefined,
    token: new Secret(token),
  });
  await addProfiles(store.path, context, profiles, new Secret(token));
}

/** All at once: the store would write the file anew for each. */
async function addProfiles(
  path: string,
  context: FakeContext,
  profiles: number,
  token: Secret,
): Promise<void> {
  const file = parseFile(await Deno.readTextFile(path), path);
  const first = entryOf(file, FIRST, path);
  if (!first || !("source" in file.key)) {
    throw new Error(`${path} lacks the first profile`);
  }
  const { key, info } = await openKey({ ...context, fs: Deno }, file.key);
  for (let index = 1; index < profiles; index++) {
    const profile = `profile-${index}`;
    const binding = bindingOf(info, profile, first);
    const sealed = await seal(key, { token }, binding);
    file.profiles[profile] = { ...first, sealed };
  }
  // The active profile last: nothing can be found later.
  delete file.profiles[FIRST];
  file.profiles[FIRST] = first;
  await Deno.writeTextFile(path, formatFile(file, path));
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
