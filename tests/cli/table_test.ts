import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { table } from "../../src/cli/table.ts";
import { Secret } from "../../src/secret.ts";

describe("table", () => {
  it("aligns its columns two spaces apart, without spaces at the end", async () => {
    assertEquals(
      await table([["NAME", "URL", "X"], ["a", "https://a", ""], [
        "longer",
        "b",
        "c",
      ]]),
      "NAME    URL        X\n" +
        "a       https://a\n" +
        "longer  b          c",
    );
  });

  it("measures what is shown, not what came", async () => {
    assertEquals(
      await table([["A", "B"], ["\u001b\u001b\u001b\u001bx", "y"]]),
      "A  B\nx  y",
    );
  });

  it("keeps a row in its line", async () => {
    assertEquals(
      (await table([["A", "B"], ["two\nlines", "y"]])).split("\n").length,
      2,
    );
  });

  it("has as many rows as there are", async () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => [`${index}`]);
    assertEquals((await table(rows)).split("\n").length, rows.length);
  });

  it("shows no secret", async () => {
    void new Secret("the token of this table");
    assertEquals(
      await table([["NAME"], ["is the token of this table"]]),
      "NAME\nis [secret]",
    );
  });

  it("is nothing without rows", async () => {
    assertEquals(await table([]), "");
  });

  it("aligns wide, combined and right-to-left characters", async () => {
    assertEquals(
      await table([
        ["NAME", "X"],
        ["\u6f22\u5b57", "wide"],
        ["e\u0301", "combined"],
        ["\u05d0\u05d1", "right to left"],
        ["\u{1f469}\u200d\u{1f4bb}", "an emoji of three"],
      ]),
      [
        "NAME  X",
        "\u6f22\u5b57  wide",
        "e\u0301     combined",
        "\u05d0\u05d1    right to left",
        "\u{1f469}\u200d\u{1f4bb}    an emoji of three",
      ].join("\n"),
    );
  });

  it("becomes a block a row where the terminal is too narrow", async () => {
    const rows = [["", "NAME", "URL"], ["*", "a", "https://a.example"], [
      "",
      "longer",
      "https://b.example",
    ]];
    const wide = "   NAME    URL\n" +
      "*  a       https://a.example\n" +
      "   longer  https://b.example";
    assertEquals(await table(rows, { columns: 28 }), wide);
    assertEquals(
      await table(rows, { columns: 27 }),
      "* a\n  URL https://a.example\nlonger\n  URL https://b.example",
    );
  });

  it("pads what has a style by what is shown of it", async () => {
    assertEquals(
      await table([["A", "B"], [{ text: "red", style: "red" }, "x"]], {
        style: (text, style) => style ? `<${style}>${text}</>` : text,
      }),
      "A    B\n<red>red</>  x",
    );
  });
});
