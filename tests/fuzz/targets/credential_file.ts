import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { entryOf, parseFile } from "../../../src/store/credential_file.ts";
import { credential, StoreFixture } from "../../store/store_fixture.ts";
import { FakeContext } from "../../support/fake_context.ts";
import {
  anyBytes,
  anyJson,
  bytesOf,
  editedJson,
  editedText,
  jsonEdits,
  textEdits,
} from "../inputs.ts";
import { MARK, ranSafely, settledValue, valueOf } from "../properties.ts";
import { type Target, target } from "../target.ts";

type Change =
  | { kind: "bytes"; bytes: string }
  | { kind: "json"; json: unknown }
  | { kind: "edited"; edits: Parameters<typeof editedJson>[1] }
  | { kind: "cut"; edits: Parameters<typeof editedText>[1] };

/** The file's change, and the command that meets it. */
type Input = { change: Change; command: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("bytes" as const),
      bytes: anyBytes,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("json" as const), json: anyJson }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("edited" as const),
      edits: jsonEdits,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      edits: textEdits(2000),
    }),
  },
);

/** Names that a profile can have, odd ones too. */
const PROFILES = ["default", "other", "__proto__", "constructor"];
const COMMANDS = [
  ["token"],
  ["token", "--profile", "__proto__", "--json"],
  ["status"],
  ["status", "--json"],
  ["store", "info", "--json"],
  ["use", "other"],
  ["logout", "--profile", "other"],
  ["store", "rekey"],
];
const UNUSABLE = ["file_corrupt", "file_key", "file_permissions"] as const;

/** The same for a file of version 2, and those that change its keys. */
const KEY_COMMANDS = [
  ...COMMANDS,
  ["store", "key", "list", "--check", "--json"],
  ["store", "key", "remove", "environment"],
  ["store", "key", "remove", "keyfile"],
  ["store", "key", "add", "--key-source", "environment"],
  ["store", "rekey", "--drop", "environment"],
];

/** The credential file, changed in any way: what it gives is what was sealed in it, or an error. */
export const credentialFile = credentialFileTarget(
  "credential-file",
  COMMANDS,
  async (fixture) => {
    await saveProfiles(fixture);
  },
);

/** The same of version 2, which a key file and a key from the environment open. */
export const keySlots = credentialFileTarget(
  "key-slots",
  KEY_COMMANDS,
  async (fixture) => {
    await saveProfiles(fixture);
    const { variables } = fixture.context;
    const key = (fill: number): string =>
      new Uint8Array(32).fill(fill).toBase64();
    variables.set("NANOCTL_ENCRYPTION_KEY", key(1));
    await (await fixture.store().keys()).add({ source: "environment" });
    variables.set("NANOCTL_NEW_ENCRYPTION_KEY", key(2));
  },
);

async function saveProfiles(fixture: StoreFixture): Promise<void> {
  for (const [number, name] of PROFILES.entries()) {
    await fixture.store().save({
      ...credential(name, tokenFor(name)),
      service: number % 2 === 0 ? "nanoservices" : "coder",
      url: `https://${number}.example`,
      username: `user ${number}`,
      expiresAt: new Date(Date.UTC(2030, number)),
    });
  }
}

function credentialFileTarget(
  name: string,
  commands: readonly string[][],
  prepare: (fixture: StoreFixture) => Promise<void>,
): Target {
  return target<Input>({
    name,
    inputs: fc.record({ change, command: fc.nat(commands.length - 1) }),
    open: async () => {
      const fixture = new StoreFixture();
      await prepare(fixture);
      const good = Deno.readTextFileSync(fixture.path);
      const goodKey = Deno.readTextFileSync(fixture.keyPath);
      const restore = (): void => {
        Deno.writeTextFileSync(fixture.path, good);
        Deno.writeTextFileSync(fixture.keyPath, goodKey);
      };
      return {
        check: async ({ change, command: number }) => {
          restore();
          const bytes = bytesFor(change, good);
          Deno.writeFileSync(fixture.path, bytes);
          checkParsing(new TextDecoder().decode(bytes));
          const before = await checkTokens(fixture, good);
          const command = commands[number % commands.length] ?? [];
          const { env } = fixture.context;
          await ranSafely(command, new FakeContext({ env: env.toObject() }));
          const after = await checkTokens(fixture, good);
          const left = command[0] === "logout" ? ["other"] : [];
          for (const name of before) {
            assert(
              after.has(name) || left.includes(name),
              `${command.join(" ")} lost the token of ${name}`,
            );
          }
        },
        close: () => fixture.remove(),
      };
    },
  });
}

function tokenFor(profile: string): string {
  return `${MARK}_of_${profile}`;
}

function bytesFor(change: Change, good: string): Uint8Array<ArrayBuffer> {
  switch (change.kind) {
    case "bytes":
      return bytesOf(change.bytes);
    case "json":
      return new TextEncoder().encode(JSON.stringify(change.json));
    case "edited":
      return new TextEncoder().encode(
        editedJson(JSON.parse(good), change.edits),
      );
    case "cut":
      return new TextEncoder().encode(editedText(good, change.edits));
  }
}

function checkParsing(text: string): void {
  const file = valueOf(() => parseFile(text, "file"), "file_corrupt");
  for (const name of Object.keys(file?.profiles ?? {})) {
    const entry = valueOf(
      () => file && entryOf(file, name, "file"),
      "file_corrupt",
    );
    if (entry) assertEquals(typeof entry.sealed, "string");
  }
}

/** Never another token than the sealed one, nor the right one beside other words. Gives the profiles that open. */
async function checkTokens(
  fixture: StoreFixture,
  good: string,
): Promise<Set<string>> {
  const opened = new Set<string>();
  const sealed = JSON.parse(good).profiles;
  const snapshot = await settledValue(
    () => fixture.store().read(),
    ...UNUSABLE,
  );
  if (!snapshot) return opened;
  for (const name of [...snapshot.names, snapshot.active, ...PROFILES]) {
    const token = await settledValue(
      () => snapshot.openToken(name),
      ...UNUSABLE,
    );
    if (!token) continue;
    opened.add(name);
    assert(PROFILES.includes(name), `a token for ${name}`);
    assertEquals(token.reveal(), tokenFor(name));
    const found = snapshot.find(name);
    const { service, url, account, expires_at } = sealed[name];
    assertEquals(
      [
        found?.service,
        found?.url,
        found?.username,
        found?.expiresAt?.toISOString(),
      ],
      [service, url, account.username, expires_at],
    );
  }
  return opened;
}
