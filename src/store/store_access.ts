import type { Context } from "../process/context.ts";
import type { CredentialFile } from "./file_format.ts";
import type { OpenOwnKey } from "./keys/data_key.ts";
import type { KeyContext } from "./keys/key_info.ts";
import type { FileKey, OpenKey } from "./keys/key_slots.ts";
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
  openKey(info: FileKey): Promise<OpenKey>;
  /** Opens the own key of a slot, or of a file of version 1. */
  openOwnKey: OpenOwnKey;
  identity(): string | undefined;
  /** Takes note of the key that the file has from now on. */
  keepKey(key: OpenKey): void;
}
