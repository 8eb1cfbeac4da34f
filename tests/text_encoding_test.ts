import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../src/errors.ts";
import { takeText } from "../src/text_encoding.ts";
import { joined, POWERSHELL, utf16, UTF_16 } from "./support/utf_16.ts";

const TOKEN = "nano_0123456789abcdef0123";
const utf8 = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text);
const taken = (bytes: Uint8Array<ArrayBuffer>): string =>
  takeText(bytes, "it", "file_key");

describe("the text of a file", () => {
  const texts = [TOKEN, `${TOKEN}\r\n`, `${TOKEN}\n${TOKEN}\n`, "x"];
  for (const text of texts) {
    for (const way of UTF_16) {
      it(`is ${JSON.stringify(text)} in ${way.name}`, () => {
        assertEquals(taken(utf16(text, way)), text);
      });
    }

    it(`is ${JSON.stringify(text)} in UTF-8`, () => {
      assertEquals(taken(utf8(text)), text);
      assertEquals(taken(utf8(`\ufeff${text}`)), text);
    });
  }

  it("has no need of ASCII where it has a mark", () => {
    const text = "tür € 😀";
    for (const way of UTF_16.filter(({ mark }) => mark)) {
      assertEquals(taken(utf16(text, way)), text);
    }
  });

  it("is empty where there is nothing but a mark", () => {
    assertEquals(taken(new Uint8Array()), "");
    assertEquals(taken(utf16("", POWERSHELL)), "");
  });

  it("keeps the NUL bytes of what is not UTF-16", () => {
    const texts = [
      "nano\0hidden",
      "\0",
      "\0\0\0\0",
      "a\0b\0\0c",
      "\0nano",
      "nano\0",
    ];
    for (const text of texts) assertEquals(taken(utf8(text)), text);
  });

  it("leaves none of the bytes that it was read from", () => {
    for (const bytes of [utf8(TOKEN), utf16(TOKEN, POWERSHELL)]) {
      taken(bytes);
      assertEquals(bytes.every((byte) => byte === 0), true);
    }
  });
});

describe("what looks like UTF-16", () => {
  const [le, be] = UTF_16.filter(({ mark }) => !mark);
  if (!le || !be) throw new Error("there is no UTF-16 without a mark");
  const damaged: [name: string, bytes: Uint8Array<ArrayBuffer>][] = [
    ["that lacks its last byte", utf16(TOKEN, POWERSHELL).slice(0, -1)],
    ["that lacks its last byte and its mark", utf16(TOKEN, le).slice(0, -1)],
    ["that lacks its first byte", utf16(TOKEN, le).slice(1)],
    ["behind a line of ASCII", joined(utf8(`${TOKEN}\n`), utf16(TOKEN, le))],
    ["before a line of ASCII", joined(utf16(TOKEN, le), utf8(`${TOKEN}\n`))],
    ["with ASCII behind its mark", joined(utf16(TOKEN, POWERSHELL), utf8("x"))],
    ["of both byte orders", joined(utf16(TOKEN, le), utf16(TOKEN, be))],
    ["with more than ASCII, but no mark", utf16(`${TOKEN}€`, le)],
    ["with half of a surrogate pair", utf16("a\ud800b", POWERSHELL)],
    [
      "and is UTF-32",
      joined(...[...`\ufeff${TOKEN}`].map((char) => utf16(`${char}\0`, le))),
    ],
  ];
  for (const [name, bytes] of damaged) {
    it(`${name} is told, and how to write it right`, () => {
      const error = assertThrows(() => taken(bytes), NanoctlError);
      assertEquals([error.code, error.message], [
        "file_key",
        "it looks like UTF-16, but is cut short or mixed with another encoding",
      ]);
      assertEquals(error.hint?.includes("Set-Content -Encoding utf8"), true);
      assertEquals(bytes.every((byte) => byte === 0), true);
    });
  }
});
