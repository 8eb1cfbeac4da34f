import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runToken } from "../../src/cli/commands/token.ts";
import type { CurrentToken } from "../../src/cli/session/current_token.ts";
import { fillFormat, readFormat } from "../../src/cli/token_format.ts";
import { Secret } from "../../src/secret.ts";
import { fixedToken } from "../../src/tokens/fixed.ts";
import { FakeContext, rejectionOf, thrownBy } from "../support/fake_context.ts";

const secret = new Secret("nano_1");
const CURRENT: CurrentToken = {
  target: {
    profile: "work",
    service: "nanoservices",
    url: "https://nano.example:8443/base",
  },
  provider: fixedToken({ secret }, "flag", "--token"),
  token: { secret, expiresAt: new Date("2026-01-15T12:00:00Z") },
  username: "ada",
};

function filled(format: string, changes: Partial<CurrentToken> = {}): string {
  return fillFormat(readFormat(format), { ...CURRENT, ...changes });
}

function at(url: string): Partial<CurrentToken> {
  return { target: { ...CURRENT.target, url } };
}

const FIELDS =
  "the fields are {token}, {url}, {host}, {hostname}, {username}, {profile}, {service}, {expires_at}";

describe("a format", () => {
  const FILLED: [format: string, text: string][] = [
    ["", ""],
    ["no field", "no field"],
    ["{token}", "nano_1"],
    ["{url}", "https://nano.example:8443/base"],
    ["{host}", "nano.example:8443"],
    ["{hostname}", "nano.example"],
    ["{username}", "ada"],
    ["{profile}", "work"],
    ["{service}", "nanoservices"],
    ["{expires_at}", "2026-01-15T12:00:00.000Z"],
    ["{token}{token}", "nano_1nano_1"],
    ["{{token}}", "{token}"],
    ["{{{token}}}", "{nano_1}"],
    ['{{"a":"{token}"}}', '{"a":"nano_1"}'],
    ["a\\nb\\tc", "a\nb\tc"],
    ["\\\\n", "\\n"],
    ["\\\\\\n", "\\\n"],
    ["a\nb", "a\nb"],
    ["$(true) `x` %s é 😀", "$(true) `x` %s é 😀"],
  ];
  for (const [format, text] of FILLED) {
    it(`of ${JSON.stringify(format)} gives ${JSON.stringify(text)}`, () => {
      assertEquals(filled(format), text);
    });
  }

  it("has no port that is the usual one", () => {
    assertEquals(
      filled("{host}", at("https://nano.example:443")),
      "nano.example",
    );
  });

  it("has an IPv6 address without brackets, apart from a port", () => {
    assertEquals(
      filled("{host} {hostname}", at("http://[::1]:7080")),
      "[::1]:7080 ::1",
    );
  });

  it("has nothing where nobody knows when the token expires", () => {
    assertEquals(filled("<{expires_at}>", { token: { secret } }), "<>");
  });

  for (const name of ["Token", "", " token", "token ", "to\nken", "a.b", "0"]) {
    it(`has no field ${JSON.stringify(name)}`, () => {
      const error = thrownBy(() => readFormat(`{token}{${name}}`));
      assertEquals([error.code, error.message, error.hint], [
        "usage",
        `--format names the field {${name}}, which there is not`,
        FIELDS,
      ]);
    });
  }

  const OUT_OF_PLACE = ["{", "}", "{token", "token}", "{{token}", "{token}}"]
    .concat("{a{token}", "\\", "\\r", "\\x41", "\\{token}", "a\\");
  for (const format of OUT_OF_PLACE) {
    it(`can't be ${JSON.stringify(format)}`, () => {
      const error = thrownBy(() => readFormat(format));
      assertEquals(error.code, "usage");
      assertMatch(error.message, /^--format has a (brace|backslash) that is /);
      assertEquals(error.hint?.startsWith(`${FIELDS}; {{ and }}`), true);
    });
  }

  const BREAKS = ["\n", "\r", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028"];
  for (const character of BREAKS) {
    it(`takes no value with ${JSON.stringify(character)} in it`, () => {
      const username = `ada${character}machine evil`;
      const error = thrownBy(() => filled("{username}", { username }));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assertMatch(error.message, /^the value of \{username\} has a /);
      assertEquals(error.message.includes("evil"), false);
      assertEquals(filled("{token}", { username }), "nano_1");
    });
  }

  it("takes no such token either, and does not show it", () => {
    const token = { secret: new Secret("nano_1\nnano_2") };
    const error = thrownBy(() => filled("{token}", { token }));
    assertEquals(error.code, "service_response");
    assertEquals(`${error.message}${error.hint}`.includes("nano_"), false);
  });

  it("has no user name where nobody knows it", () => {
    const error = thrownBy(() => filled("{username}", { username: undefined }));
    assertEquals(error.code, "usage");
  });
});

describe("token --format", () => {
  const env = { NANOSERVICES_TOKEN: "nano_env" };

  it("prints one line, without asking the service", async () => {
    const context = new FakeContext({ env });
    await runToken(context, { format: "A={token}", url: "https://a.example" });
    assertEquals([context.stdout.text, context.stderr.text], [
      "A=nano_env\n",
      "",
    ]);
    assertEquals(context.requests, []);
  });

  it("can't be given with --json", async () => {
    const context = new FakeContext({ env });
    const error = await rejectionOf(
      runToken(context, { format: "{token}", json: true }),
    );
    assertEquals([error.code, context.stdout.text], ["usage", ""]);
  });

  it("is read before a token is looked for", async () => {
    const error = await rejectionOf(
      runToken(new FakeContext(), { format: "{" }),
    );
    assertEquals(error.code, "usage");
  });

  it("is no reason to take an expired or missing token", async () => {
    const context = new FakeContext();
    const error = await rejectionOf(runToken(context, { format: "constant" }));
    assertEquals([error.code, context.stdout.text], ["not_logged_in", ""]);
  });
});
