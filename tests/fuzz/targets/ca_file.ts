import { assert } from "@std/assert";
import fc from "fast-check";
import { readCaFile } from "../../../src/http/tls/certificates.ts";
import { Authority } from "../../support/certificates.ts";
import {
  anyBytes,
  anyText,
  bytesOf,
  editedText,
  type TextEdit,
  textEdits,
} from "../inputs.ts";
import { settledValue } from "../properties.ts";
import { target } from "../target.ts";

type Input = { edits?: TextEdit[]; bytes?: string };

/** A file of certificates, changed in any way: certificates that the runtime takes, or `usage`. */
export const caFile = target<Input>({
  name: "ca-file",
  inputs: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        edits: textEdits(
          600,
          fc.oneof(
            anyText,
            fc.constantFrom(
              "-----BEGIN CERTIFICATE-----\n",
              "\n-----END CERTIFICATE-----",
              "\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n",
              "=",
              "MIIB",
            ),
          ),
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ bytes: anyBytes }) },
  ),
  open: async () => {
    const path = await Deno.makeTempFile({ prefix: "nanoctl-fuzz" });
    const good = (await Authority.create()).pem;
    return {
      check: async ({ edits, bytes }) => {
        Deno.writeFileSync(
          path,
          bytes === undefined
            ? new TextEncoder().encode(editedText(good, edits ?? []))
            : bytesOf(bytes),
        );
        const read = await settledValue(
          () => readCaFile(path, new Date()),
          "usage",
        );
        if (!read) return;
        assert(read.length > 0);
        // Whoever took them can use them.
        Deno.createHttpClient({ caCerts: read }).close();
      },
      close: async () => await Deno.remove(path),
    };
  },
});
