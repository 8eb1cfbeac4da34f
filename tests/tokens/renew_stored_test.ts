import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../src/errors.ts";
import type { TokenProvider } from "../../src/http/token_provider.ts";
import { Secret } from "../../src/secret.ts";
import type { NewCredential } from "../../src/store/credential.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { storedToken } from "../../src/tokens/stored.ts";
import {
  type Answer,
  FakeContext,
  inTurn,
  networkFailure,
  rejectionOf,
  START,
  status,
  TemporaryHome,
} from "../support/fake_context.ts";
import {
  clientFor,
  formOf,
  granted,
  ISSUER,
  refusal,
} from "../support/fake_oauth.ts";

/** So many seconds after the start. */
function after(seconds: number): Date {
  return new Date(START.getTime() + seconds * 1000);
}

/** A login that is to be renewed after an hour and ends a minute later. */
const LOGIN: NewCredential = {
  profile: "default",
  service: "oauth",
  url: ISSUER,
  username: "ada",
  token: new Secret("the-first-access-token"),
  refreshToken: new Secret("the first refresh token"),
  expiresAt: after(3660),
  renewAt: after(3600),
  grant: {
    issuer: ISSUER,
    clientId: "nanoctl",
    tokenEndpoint: `${ISSUER}/token`,
  },
};

const NEXT = granted({
  access_token: "the-second-access-token",
  refresh_token: "the second refresh token",
});

interface Stage {
  store: CredentialStore;
  provider: TokenProvider;
  /** Of the requests to the server. */
  context: FakeContext;
  warnings: string[];
}

/** A command that takes its token from a store at a time, while the server answers so. */
async function staged(
  home: TemporaryHome,
  answer: Answer,
  { login = LOGIN, seconds = 0 }: {
    login?: NewCredential;
    seconds?: number;
  } = {},
): Promise<Stage> {
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  await store.save(login);
  const { context, http } = clientFor(answer, { now: after(seconds) });
  const warnings: string[] = [];
  const provider = storedToken(store, await store.read(), login.profile, {
    prolong: () => Promise.reject(new Error("not this way")),
    connect: () => Promise.resolve(http),
    runCommand: () => Promise.reject(new Error("no program renews it")),
    now: () => context.now(),
    random: () => 0,
    warn: (line) => {
      warnings.push(line);
      return Promise.resolve();
    },
    timeoutSeconds: 30,
  });
  return { store, provider, context, warnings };
}

async function given({ provider }: Stage): Promise<string> {
  return (await provider.getToken()).secret.reveal();
}

/** The tokens in the store, and their dates. */
async function stored({ store }: Stage): Promise<unknown[]> {
  const snapshot = await store.read();
  const tokens = await snapshot.openTokens("default");
  return [
    tokens?.token.reveal(),
    tokens?.refreshToken?.reveal(),
    snapshot.find("default")?.expiresAt,
    tokens?.renewAt,
  ];
}

const FIRST = [
  "the-first-access-token",
  "the first refresh token",
  after(3660),
  after(3600),
];

describe("a stored token that is due", () => {
  const times: [seconds: number, requests: number][] = [
    [0, 0],
    [3599, 0],
    [3600, 1],
    [3661, 1],
    [86_400, 1],
  ];
  for (const [seconds, requests] of times) {
    it(`asks the server ${requests} times after ${seconds} s`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, NEXT, { seconds });
      assertEquals(
        await given(stage),
        requests === 0 ? "the-first-access-token" : "the-second-access-token",
      );
      assertEquals(stage.context.requests.length, requests);
    });
  }

  it("is renewed once for all that ask, and stored with the new end", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, NEXT, { seconds: 3600 });
    await Promise.all([given(stage), given(stage), given(stage)]);
    assertEquals(stage.context.requests.map(formOf), [{
      grant_type: "refresh_token",
      client_id: "nanoctl",
      refresh_token: "the first refresh token",
    }]);
    assertEquals(await stored(stage), [
      "the-second-access-token",
      "the second refresh token",
      after(7200),
      after(6000),
    ]);
    const { expiresAt } = await stage.provider.getToken();
    assertEquals(expiresAt, after(7200));
  });

  it("keeps its refresh token where the server gives no new one", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(
      home,
      granted({ access_token: "the-second-access-token" }),
      { seconds: 3600 },
    );
    await given(stage);
    assertEquals((await stored(stage)).slice(0, 2), [
      "the-second-access-token",
      "the first refresh token",
    ]);
  });

  it("is the one that another process has got meanwhile", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, NEXT, { seconds: 3600 });
    await stage.store.renew("default", new Secret("the-first-access-token"), {
      token: new Secret("the-token-of-another"),
      refreshToken: new Secret("the refresh token of another"),
      renewAt: after(7140),
      expiresAt: after(7200),
    });
    assertEquals(await given(stage), "the-token-of-another");
    assertEquals(stage.context.requests, []);
  });

  const replaced: [what: string, change: Partial<NewCredential>][] = [
    ["another URL", { url: "https://evil.example" }],
    ["another service", { service: "nanoservices" }],
    ["a login that can't be renewed", { refreshToken: undefined }],
    ["a login without a grant", { grant: undefined }],
  ];
  for (const [what, change] of replaced) {
    it(`stays as it was read where ${what} has taken its place`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, NEXT, { seconds: 3600 });
      await stage.store.save({
        ...LOGIN,
        token: new Secret("the-token-of-another"),
        ...change,
      });
      assertEquals(await given(stage), "the-first-access-token");
      assertEquals([stage.context.requests, stage.warnings], [[], []]);
      assertEquals((await stored(stage))[0], "the-token-of-another");
    });
  }

  const passing: [what: string, answer: Answer][] = [
    ["a 503", status(503)],
    ["a 429", status(429)],
    ["a web page", () => new Response("<html>")],
    [
      "a refused connection",
      networkFailure("error (Connect): Connection refused (os error 111)"),
    ],
  ];
  for (const [what, answer] of passing) {
    it(`goes on with a warning after ${what} while it is valid`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, answer, { seconds: 3600 });
      assertEquals(await given(stage), "the-first-access-token");
      assertEquals(stage.warnings.length, 1);
      assert(stage.warnings[0]?.startsWith("the token was not renewed: "));
      // It is tried again in the second half of what is left.
      assertEquals(await stored(stage), [...FIRST.slice(0, 3), after(3624)]);
    });

    it(`is an error after ${what} once it has ended`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, answer, { seconds: 3660 });
      const { exitCode } = await rejectionOf(stage.provider.getToken());
      assert(exitCode === 5 || exitCode === 6, String(exitCode));
      assertEquals(stage.warnings, []);
      assertEquals(await stored(stage), FIRST);
    });
  }

  it("goes on after a 503 where nobody knows when it ends", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, status(503), {
      login: { ...LOGIN, expiresAt: undefined },
      seconds: 3600,
    });
    assertEquals(await given(stage), "the-first-access-token");
  });

  it("is not used any more where the server has ended the login", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, refusal("invalid_grant"), {
      seconds: 3600,
    });
    const error = await rejectionOf(stage.provider.getToken());
    assertEquals([error.code, error.exitCode, error.hint], [
      "login_ended",
      4,
      "log in again with 'nanoctl login --device'",
    ]);
    assertEquals(await stored(stage), FIRST);
  });

  it("is given up with Ctrl-C, even while it is valid", async () => {
    await using home = await TemporaryHome.make();
    const stage: Stage = await staged(home, ({ signal }) => {
      stage.context.interrupt();
      throw signal.reason;
    }, { seconds: 3600 });
    const { code } = await rejectionOf(stage.provider.getToken());
    assertEquals([code, stage.warnings], ["interrupted", []]);
  });

  const fixed: [what: string, login: NewCredential][] = [
    ["has no refresh token", { ...LOGIN, refreshToken: undefined }],
    ["has no grant", { ...LOGIN, grant: undefined }],
    ["is to be renewed at no time", { ...LOGIN, renewAt: undefined }],
  ];
  for (const [what, login] of fixed) {
    it(`stays as it is where it ${what}`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, NEXT, { login, seconds: 86_400 });
      assertEquals(await given(stage), "the-first-access-token");
      assertEquals(stage.context.requests, []);
    });
  }
});

describe("a stored token that the service has refused", () => {
  async function renewed(stage: Stage): Promise<boolean | undefined> {
    return await stage.provider.renew?.(await stage.provider.getToken());
  }

  it("is renewed before its time", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, NEXT);
    assertEquals(await renewed(stage), true);
    assertEquals(await given(stage), "the-second-access-token");
    assertEquals(stage.context.requests.length, 1);
    assertEquals((await stored(stage))[0], "the-second-access-token");
  });

  it("is refused for good where the server gives the same one again", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(
      home,
      granted({ access_token: "the-first-access-token" }),
    );
    assertEquals(await renewed(stage), false);
  });

  it("is one that another process has replaced, without asking the server", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, NEXT);
    const refused = await stage.provider.getToken();
    await stage.store.save({
      ...LOGIN,
      token: new Secret("the-token-of-another"),
    });
    assertEquals(await stage.provider.renew?.(refused), true);
    assertEquals(await given(stage), "the-token-of-another");
    assertEquals(stage.context.requests, []);
  });

  for (
    const change of [
      { url: "https://evil.example" },
      { service: "nanoservices" as const },
    ]
  ) {
    it(`is not renewed for ${Object.values(change)}`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, NEXT);
      const refused = await stage.provider.getToken();
      await stage.store.save({ ...LOGIN, ...change });
      assertFalse(await stage.provider.renew?.(refused));
      assertEquals(stage.context.requests, []);
    });
  }

  it("that was logged out meanwhile is exit 3", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, NEXT);
    const refused = await stage.provider.getToken();
    await stage.store.remove(["default"]);
    const { code } = await rejectionOf(
      Promise.resolve(stage.provider.renew?.(refused)),
    );
    assertEquals([code, stage.context.requests], ["not_logged_in", []]);
  });

  it("that was logged out during the renewal is not stored again", async () => {
    await using home = await TemporaryHome.make();
    const { store } = await staged(home, NEXT);
    const stage = await staged(home, async (request) => {
      await store.remove(["default"]);
      return await NEXT(request);
    });
    assertEquals(await renewed(stage), true);
    assertEquals(await given(stage), "the-second-access-token");
    assertEquals((await store.read()).find("default"), undefined);
  });

  it("is not replaced by a login that came during the renewal", async () => {
    await using home = await TemporaryHome.make();
    const { store } = await staged(home, NEXT);
    const stage = await staged(home, async (request) => {
      await store.save({
        ...LOGIN,
        token: new Secret("the-token-of-another"),
        refreshToken: new Secret("the refresh token of another"),
      });
      return await NEXT(request);
    });
    assertEquals(await renewed(stage), true);
    assertEquals((await stored(stage)).slice(0, 2), [
      "the-token-of-another",
      "the refresh token of another",
    ]);
  });

  const failures: [what: string, answer: Answer, code: ErrorCode][] = [
    ["invalid_grant", refusal("invalid_grant"), "login_ended"],
    ["invalid_client", refusal("invalid_client"), "login_ended"],
    ["a 503", status(503), "service_error"],
    [
      "a refused connection",
      networkFailure("error (Connect): Connection refused (os error 111)"),
      "network_refused",
    ],
  ];
  for (const [what, answer, code] of failures) {
    it(`is ${code} after ${what}`, async () => {
      await using home = await TemporaryHome.make();
      const stage = await staged(home, answer);
      assertEquals((await rejectionOf(renewed(stage))).code, code);
      assertEquals(await stored(stage), FIRST);
    });
  }

  it("is renewed by the next try after a failure that passes", async () => {
    await using home = await TemporaryHome.make();
    const stage = await staged(home, inTurn(status(503), NEXT));
    const refused = await stage.provider.getToken();
    await rejectionOf(Promise.resolve(stage.provider.renew?.(refused)));
    assertEquals(await stage.provider.renew?.(refused), true);
    assertEquals(await given(stage), "the-second-access-token");
  });
});
