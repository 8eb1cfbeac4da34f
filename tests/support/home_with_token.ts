import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { FakeContext, START, TemporaryHome } from "./fake_context.ts";

/** The service of {@linkcode homeWithToken}. */
export const STORED_URL = "https://api.example";

/** A home whose stored token, `nano_stored` of ada's, ends so many milliseconds from now. */
export async function homeWithToken(endsIn?: number): Promise<TemporaryHome> {
  const home = await TemporaryHome.make();
  await new CredentialStore(new FakeContext({ env: home.env })).save({
    profile: "default",
    service: "nanoservices",
    url: STORED_URL,
    username: "ada",
    expiresAt: endsIn === undefined
      ? undefined
      : new Date(START.getTime() + endsIn),
    token: new Secret("nano_stored"),
  });
  return home;
}
