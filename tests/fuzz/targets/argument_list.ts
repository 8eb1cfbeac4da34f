import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { argumentList } from "../../../src/process/argument_list.ts";
import { shellQuote } from "../../support/nanoctl.ts";
import { anyText } from "../inputs.ts";
import { valueOf } from "../properties.ts";
import { target } from "../target.ts";

/** What means something between arguments or in them. */
const piece = fc.constantFrom(...` \t\n'"\\$\`[]{},#ab`.split(""));

/** Any command line: a program and its arguments, which quoting makes again, or an error. */
export const argumentLists = target<string>({
  name: "argument-list",
  inputs: fc.oneof(
    anyText,
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join("")),
    fc.array(anyText).map((list) => JSON.stringify(list)),
    fc.array(anyText).map((list) => list.map(shellQuote).join(" ")),
  ),
  open: () =>
    Promise.resolve({
      check: (text) => {
        const list = valueOf(() => argumentList(text, "--x"), "usage");
        if (!list) return;
        assert(list[0] !== undefined && list[0] !== "");
        assert(list.every((argument) => !argument.includes("\0")));
        assertEquals(argumentList(JSON.stringify(list), "--x"), list);
        const line = list.map(shellQuote).join(" ");
        assertEquals(argumentList(line, "--x"), list);
      },
    }),
});
