import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { sha256 } from "../../scripts/process.ts";
import { Garden, GARDEN_TOKEN } from "../support/garden.ts";
import {
  BYTES,
  FILE,
  FOLDER,
  GardenHome,
  KEPT,
  other,
} from "../support/garden_home.ts";
import { assertFails, assertFailure, CREDENTIALS } from "../support/nanoctl.ts";
import { edit } from "../support/store_files.ts";

const DIGEST = await sha256(BYTES);
const ACCOUNT = { path: "/me", username: [{ field: "who.name" }] };

describe("a service that was added", () => {
  let home: GardenHome;
  beforeEach(() => {
    home = new GardenHome();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  it("is logged in to, asked, and its token revoked, without a line of code", async () => {
    await home.logIn();
    assertEquals((await home.done(["whoami"])).stdout, "ada\n");
    const { stdout } = await home.done(["whoami", "--json"]);
    const { account } = JSON.parse(stdout);
    assertEquals([account.email, account.username], ["ada@example.com", "ada"]);
    assertEquals((await home.done(["api", "/beds"])).stdout, '[{"bed":1}]');
    assertEquals((await home.done(["token"])).stdout, `${GARDEN_TOKEN}\n`);
    assertMatch((await home.done(["status"])).stdout, /garden/);
    const [asked] = home.garden.requestsWith(GARDEN_TOKEN);
    assertEquals(asked?.url.pathname, "/api/me");
    assertEquals(asked?.headers.get("x-garden-version"), "2");
    assertEquals(asked?.headers.get("authorization"), null);
    await home.done(["logout", "--revoke"]);
    const last = home.garden.caught.at(-1);
    assertEquals([last?.method, last?.url.pathname], ["DELETE", "/api/key"]);
    assertEquals((await home.nanoctl(["whoami"])).code, 3);
  });

  const REFUSALS: [
    token: string,
    exit: number,
    code: string,
    message: RegExp,
    hint: RegExp,
  ][] = [
    [
      "garden-key-of-nobody",
      4,
      "token_invalid",
      /not valid/,
      /make a new token at http\S+\/keys$/,
    ],
    ["garden-key-of-yesterday", 4, "token_expired", /has expired/, /\/keys$/],
    ["garden-key-taken-back", 4, "token_revoked", /was revoked/, /\/keys$/],
    ["garden-key-too-weak", 4, "insufficient_scope", /lacks a scope/, /scopes/],
    ["garden-key-too-often", 6, "rate_limited", /no more requests/, /60 sec/],
    ["garden-key-that-breaks", 6, "service_error", /: a teapot$/, /service's/],
  ];
  for (const [token, exit, code, message, hint] of REFUSALS) {
    it(`refuses a token as ${code}`, async () => {
      await home.done(["service", "add", FILE]);
      const target = ["--service", "garden", "--url", home.garden.url];
      await assertFails(["whoami", ...target, "--token", token], home.options, {
        ...{ exit, code, message, hint },
        secret: token,
      });
    });
  }

  it("gets no token if its description was changed, and nobody else does", async () => {
    await home.logIn();
    await using evil = new Garden();
    const lines = [
      ["whoami"],
      ["api", "/beds"],
      ["token"],
      ["exec", "--", "true"],
      ["logout", "--revoke"],
      ["status", "--check"],
      ["whoami", "--url", home.garden.url],
      ["whoami", "--url", evil.url],
      ["whoami", "--service", "garden"],
      ["whoami", "--service", "garden", "--url", evil.url],
    ];
    const changes = [
      other({ account: [{ ...ACCOUNT, base: "https://evil.invalid" }] }),
      other({ url: home.garden.url, api_of_url: evil.url }),
      other({ present: [{ header: "x-other", value: "{token}" }] }),
      new Uint8Array([...BYTES, 0x20]),
      new TextEncoder().encode("{"),
    ];
    const before = home.garden.caught.length;
    for (const bytes of changes) {
      home.write(bytes, KEPT);
      for (const line of lines) await home.nanoctl([...line]);
    }
    assertEquals(evil.caught, []);
    assertEquals(home.garden.caught.slice(before), []);
  });

  it("says what to do if its description was changed, or is gone", async () => {
    await home.logIn();
    home.write(other({ title: "Another" }), KEPT);
    await assertFails(["whoami"], home.options, {
      exit: 3,
      code: "not_logged_in",
      message:
        /^the description of the service garden is not the one that this login was made with$/,
      hint: /'nanoctl service show garden', then log in again/,
    });
    const { stderr } = await home.done(["service", "remove", "garden"]);
    assertMatch(
      stderr,
      /Of no use without it, until it is added again: default/,
    );
    await assertFails(["whoami"], home.options, {
      exit: 3,
      code: "not_logged_in",
      message: /^the description of the service garden is gone$/,
      hint: /nanoctl service add/,
    });
  });

  it("gets no token if the credential file names another description", async () => {
    await home.logIn();
    await using evil = new Garden();
    const bytes = other({ url: home.garden.url, api_of_url: evil.url });
    home.write(bytes, KEPT);
    const before = home.garden.requestsWith(GARDEN_TOKEN).length;
    const names = [
      `garden@${await sha256(bytes)}`,
      "npm",
      "oauth",
      "garden",
      "garden@",
      `../garden@${DIGEST}`,
      `garden@${DIGEST}@${DIGEST}`,
      "__proto__",
    ];
    const file = Deno.readTextFileSync(home.at(CREDENTIALS));
    for (const name of names) {
      Deno.writeTextFileSync(home.at(CREDENTIALS), file);
      edit(home, ({ profiles }) => {
        assert(profiles.default);
        profiles.default.service = name;
      });
      const { code, stdout, stderr } = await home.nanoctl(["whoami"]);
      assert([3, 6, 7].includes(code), `${name}: ${code} ${stderr}`);
      assertEquals(stdout, "", name);
      assert(!stderr.includes("inside nanoctl"), stderr);
    }
    assertEquals(evil.caught, []);
    assertEquals(home.garden.requestsWith(GARDEN_TOKEN).length, before);
  });
});

describe("service list, show and remove", () => {
  let home: GardenHome;
  beforeEach(() => {
    home = new GardenHome();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  it("list what is built in and what was added", async () => {
    await home.done(["service", "add", FILE]);
    const { stdout } = await home.done(["service", "list"]);
    assertMatch(stdout, /^NAME +TITLE +URL +FROM\n/);
    assertMatch(stdout, /\ngithub +GitHub +https:\/\/github\.com +built in\n/);
    assertMatch(stdout, /\ngarden +Garden +- +file\n$/);
    const { services } = JSON.parse(
      (await home.done(["service", "list", "--json"])).stdout,
    );
    assertEquals(services.at(-1), {
      name: "garden",
      title: "Garden",
      url: null,
      from: "file",
    });
  });

  it("warn of a file that is no description, and list the others", async () => {
    await home.done(["service", "add", FILE]);
    Deno.writeTextFileSync(home.at(`${FOLDER}/shed.json`), "{", {
      mode: 0o600,
    });
    const { stdout, stderr } = await home.done(["service", "list"]);
    assertMatch(stdout, /\ngarden /);
    assertMatch(stderr, /^warning: \S+shed\.json is no description .*\n$/);
    await home.done(["service", "remove", "shed"]);
    assert(!home.entries().includes(`${FOLDER}/shed.json`));
  });

  it("show one that can be added under another name", async () => {
    const { stdout } = await home.done(["service", "show", "github"]);
    const hub = stdout.replace('"name": "github"', '"name": "hub"');
    Deno.writeTextFileSync(home.at(FILE), hub);
    await home.done(["service", "add", FILE]);
    const shown = (await home.done(["service", "show", "hub"])).stdout;
    assertEquals(JSON.parse(shown), JSON.parse(hub));
  });

  const MISSING: [args: string[], message: RegExp, hint?: RegExp][] = [
    [["show", "garden"], /^there is no service garden that was/, /none was/],
    [["show", "../x"], /^there is no such service$/, /none was added/],
    [["show", "coder"], /^coder is part of nanoctl/, /digitalocean/],
    [["remove", "garden"], /^there is no service garden that was/, /none was/],
    [["remove", "../../x"], /^there is no such service$/, /none was added/],
    [["remove", "vault"], /^the service vault is built in/],
    [
      ["test", "garden"],
      /^garden can't be read: there is no such file/,
      /path/,
    ],
    [["test", FILE], /^Garden has no URL of its own$/, /--url/],
  ];
  for (const [args, message, hint] of MISSING) {
    it(`refuse ${args.join(" ")}`, async () => {
      const result = await home.nanoctl(["service", ...args]);
      assertFailure(result, { exit: 2, code: "usage", message, hint });
    });
  }
});
