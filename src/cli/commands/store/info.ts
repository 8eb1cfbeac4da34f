import type { GlobalOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output } from "../../output.ts";
import type { FileKey, SlotKey } from "../../../store/keys/key_slots.ts";

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
  const { isDataKey, versionOf } = await import(
    "../../../store/keys/key_slots.ts"
  );
  const output = new Output(context, options);
  const store = new CredentialStore(context);
  const { key, names, active, servers } = await store.read();
  if (output.json) {
    return await output.dataJson({
      file: store.path,
      exists: key !== undefined,
      version: key ? versionOf(key) : 1,
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
          ["Version:", String(versionOf(key))],
          ["Encryption:", "AES-256-GCM"],
          ...isDataKey(key)
            ? [
              ["Data key:", key.id],
              ...key.slots.map((slot, at) => [
                at === 0 ? "Keys:" : "",
                `${slot.name}: ${describeKey(slot)}, key ${slot.id}`,
              ]),
            ]
            : [["Key source:", describeKey(key)], ["Key:", key.id]],
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

/**
 * How a file is encrypted, as `store info --json` and `status --json` print it. Of
 * version 2 the source is null, and `keys` says it of each key.
 */
export function encryptionJson(key: FileKey): Record<string, unknown> {
  const cipher = "AES-256-GCM";
  if ("source" in key) return { cipher, ...keyJson(key) };
  return {
    cipher,
    key_source: null,
    key_id: key.id,
    keys: key.slots.map((slot) => ({
      name: slot.name,
      ...keyJson(slot),
      added_at: slot.added_at,
    })),
  };
}

function keyJson(key: SlotKey): Record<string, unknown> {
  return {
    key_source: key.source,
    key_id: key.id,
    ...(key.source === "helper" ? { helper: key.helper } : {}),
    ...(key.source === "passphrase" ? { kdf: key.kdf } : {}),
  };
}
