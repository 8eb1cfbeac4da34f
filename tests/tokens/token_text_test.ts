import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  parseToken,
  readToken,
  TOKEN_LIMIT,
} from "../../src/tokens/token_text.ts";
import { thrownBy } from "../support/fake_context.ts";

const GOOD: [what: string, text: string, token: string][] = [
  ["a token", "nano_abc", "nano_abc"],
  ["one with a line break", "nano_abc\n", "nano_abc"],
  ["one with a Windows line break", "nano_abc\r\n", "nano_abc"],
  ["one with spaces around it", "  nano_abc\t", "nano_abc"],
  ["one with a byte order mark", "\ufeffnano_abc", "nano_abc"],
  ["a single character", "x", "x"],
  ["every sign a token may have", "aZ09-._~+/=", "aZ09-._~+/="],
  ["a JWT", "eyJhbGciOi.eyJzdWIi.c2ln", "eyJhbGciOi.eyJzdWIi.c2ln"],
  ["a token with a quotation mark inside", 'a"b', 'a"b'],
  ["a token that begins like the scheme", "bearer_abc", "bearer_abc"],
  ["the longest token", "x".repeat(TOKEN_LIMIT), "x".repeat(TOKEN_LIMIT)],
];

const BAD: [what: string, text: string, fault: string][] = [
  ["the scheme in front", "Bearer nano_hidden", 'it begins with "Bearer"'],
  ["the scheme in capitals", "BEARER nano_hidden", 'it begins with "Bearer"'],
  ["double quotes", '"nano_hidden"', "it has quotation marks around it"],
  ["single quotes", "'nano_hidden'", "it has quotation marks around it"],
  ["one before it", '"nano_hidden', "it has a quotation mark at one end"],
  ["one behind it", "nano_hidden'", "it has a quotation mark at one end"],
  ["backticks", "`nano_hidden`", "it has quotation marks around it"],
  ["two lines", "nano_hidden\nnano_hidden", "it has more than one line"],
  ["an old Mac's line break", "nano\rhidden", "it has more than one line"],
  ["a space", "nano hidden", "it has a space in it"],
  ["a tab", "nano\thidden", "it has a space in it"],
  ["a space that does not break", "nano\u00a0hidden", "it has a space in it"],
  ["an escape", "nano\u001b[2Jhidden", "it has a control character in it"],
  ["a null", "nano\u0000hidden", "it has a control character in it"],
  ["a delete", "nano\u007fhidden", "it has a control character in it"],
  ["an accent", "nänohidden", "it has a character outside of ASCII in it"],
  [
    "a hyphen that is none",
    "nano‐hidden",
    "it has a character outside of ASCII in it",
  ],
  [
    "a C1 control",
    "nano\u009bhidden",
    "it has a character outside of ASCII in it",
  ],
  [
    "too many characters",
    "x".repeat(TOKEN_LIMIT + 1),
    "it is longer than 16384 characters",
  ],
];

describe("parseToken", () => {
  for (const [what, text, token] of GOOD) {
    it(`takes ${what}`, () => {
      assertEquals(parseToken(text, "--token").reveal(), token);
    });
  }

  for (const [what, text, fault] of BAD) {
    it(`refuses ${what} and does not repeat it`, () => {
      const error = thrownBy(() => parseToken(text, "--token"));
      assertEquals(
        [error.code, error.exitCode, error.message],
        [
          "token_invalid",
          4,
          `--token does not hold a token: ${fault}; it was not sent`,
        ],
      );
      assertFalse(`${error.message}${error.hint}`.includes("hidden"));
    });
  }

  for (const text of ["", " ", "\n", "\r\n\t ", "\ufeff"]) {
    it(`takes ${JSON.stringify(text)} as no token at all`, () => {
      const error = thrownBy(() => parseToken(text, "NANOSERVICES_TOKEN"));
      assertEquals([error.code, error.exitCode], ["not_logged_in", 3]);
      assert(error.message.startsWith("NANOSERVICES_TOKEN holds no token"));
    });
  }
});

describe("readToken", () => {
  for (const text of ["nano_abc", "nano_abc\n", "nano_abc\r\n"]) {
    it(`has nothing to say about ${JSON.stringify(text)}`, () => {
      const token = readToken(text, "--token");
      assertEquals([token.secret.reveal(), token.note], [
        "nano_abc",
        undefined,
      ]);
    });
  }

  for (
    const text of [" nano_abc", "nano_abc\t", "\nnano_abc", "nano_abc\n\n"]
  ) {
    it(`says that white space around ${JSON.stringify(text)} was left out`, () => {
      const token = readToken(text, "--token");
      assertEquals([token.secret.reveal(), token.note], [
        "nano_abc",
        "the white space around the token from --token was left out",
      ]);
    });
  }

  it("refuses what parseToken refuses", () => {
    const error = thrownBy(() => readToken(" nano hidden ", "--token"));
    assertEquals(error.code, "token_invalid");
    assertFalse(error.message.includes("hidden"));
  });
});
