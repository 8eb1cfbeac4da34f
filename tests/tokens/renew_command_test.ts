import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import type { GrantedTokens } from "../../src/grant.ts";
import type { TokenProvider } from "../../src/http/token_provider.ts";
import { Secret } from "../../src/secret.ts";
import type { NewCredential } from "../../src/store/credential.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { grantIn } from "../../src/store/sealed_grant.ts";
import { storedToken } from "../../src/tokens/stored.ts";
import {
  FakeContext,
  rejectionOf,
  START,
  TemporaryHome,
} from "../support/fake_context.ts";

const COMMAND = ["/usr/bin/op", "read", "op://dev/nano/token", ""];

/** So many seconds after the start. */
function after(seconds: number): Date {
  return new Date(START.getTime() + seconds * 1000);
}

/** A login that is to be renewed after an hour and ends a minute later. */
const LOGIN: NewCredential = {
  profile: "default",
  service: "nanoservices",
  url: "https://api.example",
  username: "ada",
  token: new Secret("the-first-token"),
  expiresAt: after(3660),
  renewAt: after(3600),
  grant: { machine: { way: "command", command: COMMAND } },
};

const NEXT: GrantedTokens = {
  token: new Secret("the-second-token"),
  expiresAt: after(7200),
  renewAt: after(7140),
};

describe("a stored token that a program printed", () => {
  let home: TemporaryHome;
  let store: CredentialStore;
  /** Each run: the command, and what named it. */
  let runs: (readonly string[])[];
  let warnings: string[];
  beforeEach(async () => {
    home = await TemporaryHome.make();
    store = new CredentialStore(new FakeContext({ env: home.env }));
    [runs, warnings] = [[], []];
  });
  afterEach(async () => await home[Symbol.asyncDispose]());

  /** The provider of the stored login at a time, where the program prints that. */
  async function staged(
    printed: GrantedTokens | NanoctlError,
    seconds = 0,
    login = LOGIN,
  ): Promise<TokenProvider> {
    await store.save(login);
    return storedToken(store, await store.read(), login.profile, {
      prolong: () => Promise.reject(new Error("not this way")),
      connect: () => Promise.reject(new Error("no server is to be asked")),
      runCommand: ({ command }, source) => {
        runs.push([...command, source]);
        return printed instanceof Error
          ? Promise.reject(printed)
          : Promise.resolve(printed);
      },
      now: () => after(seconds),
      random: () => 0,
      warn: (line) => {
        warnings.push(line);
        return Promise.resolve();
      },
      timeoutSeconds: 30,
    });
  }

  async function given(provider: TokenProvider): Promise<string> {
    return (await provider.getToken()).secret.reveal();
  }

  /** The stored token, when it ends, and when it is to be renewed. */
  async function stored(): Promise<unknown[]> {
    const snapshot = await store.read();
    const tokens = await snapshot.openTokens("default");
    return [
      tokens?.token.reveal(),
      snapshot.find("default")?.expiresAt,
      tokens?.renewAt,
    ];
  }

  it("has its command sealed, and says outside that there is one", async () => {
    await store.save(LOGIN);
    const text = await home.credentialFile() ?? "";
    assert(!text.includes("op://"), text);
    const file = JSON.parse(text);
    assertEquals(Object.keys(file), [
      ...["version", "key", "next_expiry", "next_renewal", "runs_command"],
      ...["active", "profiles"],
    ]);
    assertEquals(
      [file.runs_command, file.profiles.default.runs_command],
      [true, true],
    );
    const tokens = await (await store.read()).openTokens("default");
    assertEquals(tokens?.oauth, {
      machine: { way: "command", command: COMMAND },
    });
    assertEquals(grantIn(tokens?.oauth), LOGIN.grant);
  });

  it("says no more so after it was deleted, or a login has taken its place", async () => {
    await store.save(LOGIN);
    await store.save({ ...LOGIN, grant: undefined, profile: "other" });
    await store.remove(["default"]);
    assert(!(await home.credentialFile() ?? "").includes("runs_command"));
    await store.save(LOGIN);
    await store.save({ ...LOGIN, grant: undefined });
    assert(!(await home.credentialFile() ?? "").includes("runs_command"));
  });

  it("is used as it is until it is due", async () => {
    const provider = await staged(NEXT, 3599);
    assertEquals([await given(provider), runs], ["the-first-token", []]);
    assertEquals(provider.hasOwnTimeLimit, true);
  });

  it("is renewed by the program when it is due, once, and stored", async () => {
    const provider = await staged(NEXT, 3600);
    await Promise.all([given(provider), given(provider)]);
    assertEquals(await given(provider), "the-second-token");
    assertEquals(runs, [[
      ...COMMAND,
      "the stored login of profile default",
    ]]);
    assertEquals(await stored(), [
      "the-second-token",
      after(7200),
      // Two thirds of an hour after it was printed.
      after(6000),
    ]);
  });

  it("is what another process has stored meanwhile, even if it is the same token", async () => {
    const provider = await staged(NEXT, 3600);
    const { token } = LOGIN;
    const renewed = { token, expiresAt: after(7200), renewAt: after(7140) };
    await store.renew("default", token, renewed);
    const given = await provider.getToken();
    assertEquals(
      [given.secret.reveal(), given.expiresAt, runs],
      ["the-first-token", after(7200), []],
    );
    // Once the service has refused it, it is not enough.
    assertEquals(await provider.renew?.(given), true);
    assertEquals(runs.length, 1);
  });

  it("can be renewed again after it was renewed, and after the key was changed", async () => {
    await given(await staged(NEXT, 3600));
    await store.rekey();
    const tokens = await (await store.read()).openTokens("default");
    assertEquals(grantIn(tokens?.oauth), LOGIN.grant);
    assertEquals((await store.read()).find("default")?.runsCommand, true);
  });

  it("without an end is used until a 401", async () => {
    const login = { ...LOGIN, expiresAt: undefined, renewAt: undefined };
    const token = new Secret("the-second-token");
    const provider = await staged({ token }, 10 * 86_400, login);
    const refused = await provider.getToken();
    assertEquals(refused.secret.reveal(), "the-first-token");
    assertEquals(await provider.renew?.(refused), true);
    assertEquals(await given(provider), "the-second-token");
    assertEquals(await stored(), ["the-second-token", undefined, undefined]);
    assertEquals(runs.length, 1);
  });

  it("is refused for good where the program prints the same one again", async () => {
    const provider = await staged({ token: LOGIN.token });
    assertEquals(await provider.renew?.(await provider.getToken()), false);
  });

  const FAILURE = new NanoctlError("not_logged_in", "the program op failed");

  it("goes on with a warning if the program fails while it is valid", async () => {
    const provider = await staged(FAILURE, 3600);
    assertEquals(await given(provider), "the-first-token");
    assertEquals(warnings, [
      "the token was not renewed: the program op failed",
    ]);
  });

  it("is an error if the program fails once it has ended", async () => {
    const provider = await staged(FAILURE, 3660);
    assertEquals(await rejectionOf(provider.getToken()), FAILURE);
    assertEquals((await stored())[0], "the-first-token");
  });

  it("that can't be stored serves this command, and the warning says how to log in", async () => {
    const provider = await staged(NEXT, 3600);
    store.renew = () =>
      Promise.reject(new NanoctlError("file_unwritable", "the disk is full"));
    assertEquals(await given(provider), "the-second-token");
    assertMatch(
      warnings.join(),
      /'nanoctl login --save --token-command <command>'\): the disk is full$/,
    );
  });
});

describe("a sealed command", () => {
  it("is read only if it is a list of strings", () => {
    for (
      const command of [undefined, [], ["op", 1], "op read", { 0: "op" }, null]
    ) {
      assertEquals(
        grantIn({ machine: { way: "command", command } }),
        undefined,
      );
    }
    const machine = { way: "command" as const, command: ["op"] };
    assertEquals(grantIn({ machine }), { machine });
  });
});
