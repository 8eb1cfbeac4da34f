import { assert, assertEquals, assertFalse } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { credential, StoreFixture } from "../../store/store_fixture.ts";
import { FakeContext } from "../../support/fake_context.ts";
import {
  anyBytes,
  anyText,
  bytesOf,
  editedText,
  textEdits,
} from "../inputs.ts";
import { MARK, ranSafely } from "../properties.ts";
import { target } from "../target.ts";

const PLACES = ["keyfile", "variable", "file", "passphrase-file"] as const;

type Input = {
  place: typeof PLACES[number];
  /** Changes of the good key, or bytes in its place. */
  edits?: Parameters<typeof editedText>[1] | undefined;
  bytes?: string | undefined;
  text?: string | undefined;
};

const inputs: fc.Arbitrary<Input> = fc.record({
  place: fc.oneof(
    // Each of these takes a third of a second where it is not refused at sight.
    { weight: 1, arbitrary: fc.constant("passphrase-file" as const) },
    { weight: 60, arbitrary: fc.constantFrom(...PLACES.slice(0, 3)) },
  ),
  edits: fc.option(textEdits(50), { nil: undefined }),
  bytes: fc.option(anyBytes, { nil: undefined }),
  text: fc.option(anyText, { nil: undefined }),
});

const TOKEN = `${MARK}_token`;
const PASSPHRASE = `${MARK} passphrase`;
const KEY_BYTES = new TextEncoder().encode(`${MARK}${"k".repeat(20)}`);
const KEY = KEY_BYTES.toBase64();

/** Key files, key variables and passphrases: the right one opens, any other is an error that does not show it. */
export const keys = target<Input>({
  name: "keys",
  inputs,
  open: async () => {
    const homes = {
      keyfile: await storedWith({}),
      environment: await storedWith({ NANOCTL_ENCRYPTION_KEY: KEY }),
      passphrase: await storedWith({ NANOCTL_PASSPHRASE: PASSPHRASE }),
    };
    const fileKey = Deno.readTextFileSync(homes.keyfile.keyPath);
    const given = join(homes.keyfile.home, "given");
    return {
      check: async (input) => {
        const isPassphrase = input.place === "passphrase-file";
        const good = input.place === "keyfile"
          ? fileKey
          : isPassphrase
          ? PASSPHRASE
          : KEY;
        const bytes = bytesFor(input, good);
        const text = new TextDecoder().decode(bytes);
        const env: Record<string, string> = {};
        if (input.place === "keyfile") {
          Deno.writeFileSync(homes.keyfile.keyPath, bytes);
        } else if (input.place === "variable") {
          env.NANOCTL_ENCRYPTION_KEY = text;
        } else {
          Deno.writeFileSync(given, bytes);
          const name = isPassphrase ? "PASSPHRASE" : "ENCRYPTION_KEY";
          env[`NANOCTL_${name}_FILE`] = given;
        }
        const home = input.place === "keyfile"
          ? homes.keyfile
          : isPassphrase
          ? homes.passphrase
          : homes.environment;
        const { exitCode, stdout, stderr } = await ranSafely(
          ["token"],
          new FakeContext({ env: { ...env, HOME: home.home } }),
        );
        if (exitCode === 0) assertEquals(stdout, `${TOKEN}\n`);
        else assertEquals([exitCode, stdout], [7, ""], stderr);
        if (text === good) assertEquals(exitCode, 0, stderr);
        assertHidden(stderr, fileKey.trim(), KEY);
      },
      close: () => {
        for (const home of Object.values(homes)) home.remove();
      },
    };
  },
});

async function storedWith(env: Record<string, string>): Promise<StoreFixture> {
  const fixture = new StoreFixture();
  for (const [name, value] of Object.entries(env)) {
    fixture.context.variables.set(name, value);
  }
  await fixture.store().save(credential("default", TOKEN));
  return fixture;
}

function bytesFor(
  { edits, bytes, text }: Input,
  good: string,
): Uint8Array<ArrayBuffer> {
  if (edits) return new TextEncoder().encode(editedText(good, edits));
  if (bytes !== undefined) return bytesOf(bytes);
  return new TextEncoder().encode(text ?? good);
}

/** Not even a third of a key is said. */
function assertHidden(text: string, ...hidden: string[]): void {
  for (const key of hidden) {
    for (let at = 0; at + 14 <= key.length; at++) {
      assertFalse(text.includes(key.slice(at, at + 14)), `a key in ${text}`);
    }
  }
  assert(!text.includes(PASSPHRASE));
}
