import type { Context } from "../process/context.ts";
import type { CredentialFile } from "./file_format.ts";
import type { KeyContext, KeyInfo, OpenKey } from "./keys/key_info.ts";
import type { StoreSnapshot } from "./snapshot.ts";

/** What the changes need of the store that they are made in. */
export interface StoreAccess {
  readonly context: KeyContext & Pick<Context, "now">;
  /** The path of the credential file. */
  readonly path: string;
  readonly lockPath: string;
  read(): Promise<StoreSnapshot>;
  /** What the file holds, without a lock. */
  load(): CredentialFile | undefined;
  openKey(info: KeyInfo): Promise<OpenKey>;
  identity(): string | undefined;
  /** Takes note of the key that the file has from now on. */
  keepKey(key: OpenKey): void;
}
