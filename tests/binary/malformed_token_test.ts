import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFails, Home, type RunOptions } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const MARK = "nano_SECRETMARK";

/** A text that is no token, and the way in which the program must say so. */
interface Malformed {
  name: string;
  text: string | Uint8Array;
  says: RegExp;
  exit?: number;
  /** Why an argument or a variable can't hold it. */
  onlyByFile?: true;
}

const EMPTY = { says: /holds no token: it is empty/, exit: 3 };
const MALFORMED: Malformed[] = [
  { name: "white space", text: " \t\n", ...EMPTY },
  { name: "an empty text", text: "", ...EMPTY, onlyByFile: true },
  {
    name: "a line break inside",
    text: `${MARK}\n${MARK}`,
    says: /more than one line/,
  },
  {
    name: "a carriage return inside",
    text: `${MARK}\r${MARK}`,
    says: /more than one line/,
  },
  { name: "a space inside", text: `${MARK} ${MARK}`, says: /a space in it/ },
  {
    name: "the whole header value",
    text: `Bearer ${MARK}`,
    says: /begins with "Bearer"/,
  },
  { name: "double quotes", text: `"${MARK}"`, says: /quotation marks/ },
  { name: "single quotes", text: `'${MARK}'`, says: /quotation marks/ },
  {
    name: "an escape sequence",
    text: `${MARK}\x1b[31m`,
    says: /a control character/,
  },
  { name: "an umlaut", text: `${MARK}\u00fc`, says: /outside of ASCII/ },
  { name: "20,000 characters", text: MARK.repeat(1334), says: /longer than/ },
  {
    name: "a megabyte",
    text: "x".repeat(1 << 20),
    says: /longer than/,
    onlyByFile: true,
  },
  {
    name: "bytes that are no text",
    text: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1, 0xff, 0xfe]),
    says: /a control character|outside of ASCII/,
    onlyByFile: true,
  },
];

/** A way to give a token, and the text as this way takes it. */
interface Way {
  name: string;
  byFile: boolean;
  args: string[];
  options: (text: string, file: string) => RunOptions;
}

const WAYS: Way[] = [
  { name: "--token", byFile: false, args: ["--token"], options: () => ({}) },
  { name: "-t", byFile: false, args: ["-t"], options: () => ({}) },
  {
    name: "NANOSERVICES_TOKEN",
    byFile: false,
    args: [],
    options: (text) => ({ env: { NANOSERVICES_TOKEN: text } }),
  },
  {
    name: "NANOSERVICES_TOKEN_FILE",
    byFile: true,
    args: [],
    options: (_, file) => ({ env: { NANOSERVICES_TOKEN_FILE: file } }),
  },
  {
    name: "--token-file",
    byFile: true,
    args: ["--token-file"],
    options: () => ({}),
  },
];

describe("a malformed token", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  async function assertNotSent(act: () => Promise<unknown>): Promise<void> {
    assertEquals(await service.requestsDuring(act), []);
  }

  for (const malformed of MALFORMED) {
    const { name, text, says, exit = 4, onlyByFile } = malformed;
    const code = exit === 3 ? "not_logged_in" : "token_invalid";
    const hint = exit === 3 ? undefined : /^give the token alone/;
    const expected = { exit, code, message: says, hint, secret: MARK };

    for (const way of WAYS.filter(({ byFile }) => byFile || !onlyByFile)) {
      it(`by ${way.name}, ${name}: is told, and not sent`, async () => {
        using home = new Home();
        const file = home.at("token");
        const bytes = typeof text === "string"
          ? new TextEncoder().encode(text)
          : text;
        Deno.writeFileSync(file, bytes);
        const value = way.byFile ? file : String(text);
        const { env } = way.options(String(text), file);
        const args = ["login", ...way.args, ...way.args.map(() => value)];
        await assertNotSent(() =>
          assertFails(args, { home, env: { ...service.env, ...env } }, expected)
        );
        assertEquals(home.entries(), ["token"]);
      });
    }

    it(`by --token-stdin, ${name}: is told, and not sent`, async () => {
      using home = new Home();
      const args = ["login", "--token-stdin"];
      await assertNotSent(() =>
        assertFails(args, { home, env: service.env, stdin: text }, expected)
      );
      assertEquals(home.entries(), []);
    });
  }

  it("as an empty --token is a usage error", async () => {
    using home = new Home();
    await assertNotSent(() =>
      assertFails(["login", "--token", ""], { home, env: service.env }, {
        exit: 2,
        code: "usage",
        message: /--token/,
        hint: /--help/,
      })
    );
  });

  const files = [
    { name: "a missing file", path: "missing", says: /there is no such file/ },
    { name: "a folder", path: ".", says: /it is a folder/ },
  ];
  for (const { name, path, says } of files) {
    for (const way of WAYS.filter(({ byFile }) => byFile)) {
      it(`by ${way.name}, ${name}: exits 3`, async () => {
        using home = new Home();
        const file = home.at(path);
        const { env } = way.options("", file);
        const args = ["login", ...way.args, ...way.args.map(() => file)];
        await assertFails(args, { home, env: { ...service.env, ...env } }, {
          exit: 3,
          code: "not_logged_in",
          message: says,
        });
      });
    }
  }

  it("at the prompt is told, not sent, and asked for again", async () => {
    using home = new Home();
    const terminal = new Terminal(["login"], { home, env: service.env });
    const seen = await service.requestsDuring(async () => {
      await terminal.waitFor("Token");
      await terminal.type(KEYS.enter);
      await terminal.waitFor("it is empty. Try again (2 left).");
      await terminal.waitFor("Token", "(2 left)");
      await terminal.type(`Bearer ${MARK}${KEYS.enter}`);
      await terminal.waitFor('begins with "Bearer"');
      await terminal.waitFor("Token", "(1 left)");
      await terminal.type(`"${MARK}"${KEYS.enter}`);
      assertEquals((await terminal.end()).code, 4);
    });
    // Before anything was typed: which service it is.
    assertEquals(seen.map(({ path, status }) => [path, status]), [
      ["/v1/me", 401],
    ]);
    assert(!terminal.transcript.includes("MARK"), terminal.transcript);
    assertEquals(home.entries(), []);
  });
});
