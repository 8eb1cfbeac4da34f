import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { tokenFile } from "../../../src/tokens/file.ts";
import { takeText } from "../../../src/text_encoding.ts";
import { parseToken, TOKEN_LIMIT } from "../../../src/tokens/token_text.ts";
import { anyBytes, anyText, binaryOf, bytesOf } from "../inputs.ts";
import { MARK, settledValue, valueOf } from "../properties.ts";
import { target } from "../target.ts";

/** The bytes of what should be a token, as text with one character for each. */
export const tokenText = target<string>({
  name: "token-text",
  inputs: fc.oneof(
    anyBytes,
    anyText.map(binaryOf),
    fc.tuple(anyText, anyText, anyText).map((parts) =>
      binaryOf(parts.join(MARK))
    ),
    fc.tuple(
      fc.constantFrom("", " ", "\n", "\t", '"', "Bearer ", "\ufeff", "\u00a0"),
      fc.string(),
      fc.constantFrom("", "\n", "\r\n", " ", '"', "\0"),
    ).map(([before, text, behind]) => binaryOf(before + MARK + text + behind)),
    fc.integer({ min: TOKEN_LIMIT - 2, max: TOKEN_LIMIT + 2 })
      .map((length) => MARK.padEnd(length, "x")),
  ),
  open: async () => {
    const path = await Deno.makeTempFile({ prefix: "nanoctl-fuzz" });
    return {
      check: async (binary) => {
        const bytes = bytesOf(binary);
        const codes = ["not_logged_in", "token_invalid"] as const;
        const text = valueOf(
          () => takeText(bytes.slice(), "it", "token_invalid"),
          ...codes,
        );
        const given = text === undefined
          ? undefined
          : valueOf(() => parseToken(text, "it"), ...codes);
        if (given && text !== undefined) {
          const token = given.reveal();
          assertMatch(token, /^[\x21-\x7e]+$/);
          assert(token.length <= TOKEN_LIMIT);
          assertEquals(token, text.trim());
          // It can be sent as it is.
          void new Headers({ authorization: `Bearer ${token}` });
        }
        Deno.writeFileSync(path, bytes);
        const read = await settledValue(
          () => tokenFile(path, "token-file").getToken(),
          ...codes,
        );
        if (bytes.length > TOKEN_LIMIT) return;
        assertEquals(read?.secret.reveal(), given?.reveal());
      },
      close: async () => await Deno.remove(path),
    };
  },
});
