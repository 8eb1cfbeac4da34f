import type { GlobalOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output } from "../../output.ts";
import type { KeyInfo } from "../../../store/keys/key_info.ts";

/** `nanoctl store info`: how the credential file is encrypted. */
export const storeInfo: Command<GlobalOptions> = {
  examples: [
    ["At a glance", "nanoctl store info"],
    ["For a script", "nanoctl store info --json"],
  ],
  run: runStoreInfo,
};

/** Prints what the file says of itself; needs no key. Throws what reading the file throws. */
export async function runStoreInfo(
  context: Context,
  options: GlobalOptions,
): Promise<void> {
  const { CredentialStore } = await import(
    "../../../store/credential_store.ts"
  );
  const { describeKey } = await import("../../../store/key_source.ts");
  const { FILE_VERSION } = await import("../../../store/file_format.ts");
  const output = new Output(context, options);
  const store = new CredentialStore(context);
  const { key, names, active, servers } = await store.read();
  if (output.json) {
    return await output.dataJson({
      file: store.path,
      exists: key !== undefined,
      version: FILE_VERSION,
      encryption: key ? encryptionJson(key) : null,
      active,
      profiles: names.length,
      registries: servers.length,
    });
  }
  const { table } = await import("../../table.ts");
  await output.data(
    await table([
      ["File:", store.path],
      ...(key
        ? [
          ["Version:", String(FILE_VERSION)],
          ["Encryption:", "AES-256-GCM"],
          ["Key source:", describeKey(key)],
          ["Key:", key.id],
          [
            "Profiles:",
            names.length === 0 ? "0" : `${names.length}, active: ${active}`,
          ],
          ...servers.length === 0
            ? []
            : [["Registries:", String(servers.length)]],
        ]
        : [["", "not there yet; it is made by the first login that stores"]]),
    ]),
  );
}

/** How a file is encrypted, as `store info --json` and `status --json` print it. */
export function encryptionJson(key: KeyInfo): Record<string, unknown> {
  return {
    cipher: "AES-256-GCM",
    key_source: key.source,
    key_id: key.id,
    ...(key.source === "helper" ? { helper: key.helper } : {}),
    ...(key.source === "passphrase" ? { kdf: key.kdf } : {}),
  };
}
