import { join } from "@std/path";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import type { NewCredential } from "../../src/store/credential.ts";
import type { FileSystem } from "../../src/store/file_system.ts";
import { FakeContext } from "../support/fake_context.ts";

/** A store in a home folder of its own, and what tests look at around it. */
export class StoreFixture {
  readonly home: string = Deno.makeTempDirSync({ prefix: "nanoctl-store-" });
  readonly context: FakeContext = new FakeContext({ env: { HOME: this.home } });

  get path(): string {
    return join(this.home, ".config/nanoctl/credentials.json");
  }

  get keyPath(): string {
    return join(this.home, ".local/share/nanoctl/key");
  }

  /** A store that knows nothing of what another one has read. */
  store(fs?: FileSystem): CredentialStore {
    return new CredentialStore(this.context, fs);
  }

  /** The file as JSON. */
  // deno-lint-ignore no-explicit-any
  json(): any {
    return JSON.parse(Deno.readTextFileSync(this.path));
  }

  /** Changes the file as someone with an editor would. */
  // deno-lint-ignore no-explicit-any
  edit(change: (file: any) => void): void {
    const file = this.json();
    change(file);
    Deno.writeTextFileSync(this.path, `${JSON.stringify(file, null, 2)}\n`);
  }

  /** The names in the config folder, sorted. */
  files(): string[] {
    return [...Deno.readDirSync(join(this.home, ".config/nanoctl"))]
      .map(({ name }) => name).sort();
  }

  remove(): void {
    Deno.removeSync(this.home, { recursive: true });
  }
}

/** A login to store. */
export function credential(
  profile: string,
  token = `token-of-${profile}`,
): NewCredential {
  return {
    profile,
    service: "nanoservices",
    url: "https://nano.example.com",
    username: "ada",
    expiresAt: new Date("2027-01-31T12:00:00.000Z"),
    token: new Secret(token),
  };
}

/** The token of a profile as a new process would read it; undefined when there is none. */
export async function tokenOf(
  fixture: StoreFixture,
  profile: string,
): Promise<string | undefined> {
  const snapshot = await fixture.store().read();
  return (await snapshot.openToken(profile))?.reveal();
}
