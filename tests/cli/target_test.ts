import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { GlobalOptions } from "../../src/cli/command_line/shared_options.ts";
import {
  DEFAULT_URL,
  openStored,
  resolveTarget,
  storedTarget,
} from "../../src/cli/session/target.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  FakeContext,
  rejectionOf,
  TemporaryHome,
  thrownBy,
} from "../support/fake_context.ts";

/** A home with the profiles `default` and `work`; `work` is the active one. */
async function homeWithProfiles(): Promise<TemporaryHome> {
  const home = await TemporaryHome.make();
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  for (const profile of ["default", "work"]) {
    await store.save({
      profile,
      service: "nanoservices",
      url: `https://${profile}.example`,
      username: "ada",
      expiresAt: undefined,
      token: new Secret(`nano_${profile}`),
    });
  }
  return home;
}

describe("the profile of a command", () => {
  const cases: [
    what: string,
    options: GlobalOptions,
    env: Record<string, string>,
    profile: string,
  ][] = [
    ["--profile first", { profile: "a" }, { NANOCTL_PROFILE: "b" }, "a"],
    ["then NANOCTL_PROFILE", {}, { NANOCTL_PROFILE: "b" }, "b"],
    ["then the active one", {}, {}, "work"],
    [
      "the active one where the variable is empty",
      {},
      { NANOCTL_PROFILE: "" },
      "work",
    ],
  ];
  for (const [what, options, env, profile] of cases) {
    it(`is ${what}`, async () => {
      await using home = await homeWithProfiles();
      const context = new FakeContext({ env: { ...home.env, ...env } });
      assertEquals((await openStored(context, options)).profile, profile);
    });
  }

  it("is default where nothing is stored", async () => {
    await using home = await TemporaryHome.make();
    const context = new FakeContext({ env: home.env });
    assertEquals((await openStored(context, {})).profile, "default");
  });

  it("is default where there is no place to store anything", async () => {
    assertEquals((await openStored(new FakeContext(), {})).profile, "default");
  });

  for (const profile of ["", "a b", "../x", "ü", "x".repeat(65)]) {
    it(`can't be ${JSON.stringify(profile.slice(0, 10))}`, async () => {
      const error = await rejectionOf(
        openStored(new FakeContext(), { profile }),
      );
      assertEquals([error.code, error.exitCode], ["usage", 2]);
    });
  }

  it("can't be a bad name from the environment either", async () => {
    const context = new FakeContext({ env: { NANOCTL_PROFILE: "a/b" } });
    assertEquals((await rejectionOf(openStored(context, {}))).code, "usage");
  });
});

describe("the URL of a command", () => {
  const NAMED = { NANOSERVICES_URL: "https://variable.example/" };
  const cases: [
    what: string,
    options: GlobalOptions,
    env: Record<string, string>,
    url: string,
  ][] = [
    ["--url first", { url: "option.example" }, NAMED, "https://option.example"],
    ["then NANOSERVICES_URL", {}, NAMED, "https://variable.example"],
    ["then the active profile's own", {}, {}, "https://work.example"],
    [
      "that of the profile that is named",
      { profile: "default" },
      {},
      "https://default.example",
    ],
    ["the profile's own where the variable is empty", {}, {
      NANOSERVICES_URL: "",
    }, "https://work.example"],
    [
      "the default for a profile that is not stored",
      { profile: "new" },
      {},
      DEFAULT_URL,
    ],
  ];
  for (const [what, options, env, url] of cases) {
    it(`is ${what}`, async () => {
      await using home = await homeWithProfiles();
      const context = new FakeContext({ env: { ...home.env, ...env } });
      assertEquals((await resolveTarget(context, options)).target.url, url);
    });
  }

  it("is the embedded service's where nothing names one", async () => {
    assertEquals(DEFAULT_URL, "http://127.0.0.1:7080");
    const { target } = await resolveTarget(new FakeContext(), {});
    assertEquals(target, {
      profile: "default",
      service: "nanoservices",
      url: DEFAULT_URL,
    });
  });

  const services: [
    what: string,
    options: GlobalOptions,
    env: Record<string, string>,
    service: string,
  ][] = [
    [
      "--service first",
      { service: "nanoservices" },
      { NANOCTL_SERVICE: "coder" },
      "nanoservices",
    ],
    ["then NANOCTL_SERVICE", {}, { NANOCTL_SERVICE: "coder" }, "coder"],
    [
      "the profile's where the variable is empty",
      {},
      { NANOCTL_SERVICE: "" },
      "nanoservices",
    ],
  ];
  for (const [what, options, env, service] of services) {
    it(`goes with a service, which is ${what}`, async () => {
      await using home = await homeWithProfiles();
      const context = new FakeContext({ env: { ...home.env, ...env } });
      const { target } = await resolveTarget(context, options);
      assertEquals(target.service, service);
    });
  }

  it("can't go with a service in NANOCTL_SERVICE that there is not", async () => {
    const context = new FakeContext({ env: { NANOCTL_SERVICE: "nope" } });
    const error = await rejectionOf(resolveTarget(context, {}));
    assertEquals(error.code, "usage");
  });

  for (const url of ["", "ftp://a.example", "https://a.example?b=c"]) {
    it(`can't be ${JSON.stringify(url)}`, async () => {
      const error = await rejectionOf(
        resolveTarget(new FakeContext(), { url }),
      );
      assertEquals(error.code, "usage");
    });
  }
});

describe("the service of a command", () => {
  it("is at its own URL, where it has one", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    const { target, urlSource } = await resolveTarget(
      context,
      { service: "github" },
      () => true,
    );
    assertEquals([target.service, target.url, urlSource], [
      "github",
      "https://github.com",
      "service",
    ]);
  });

  it("is the one whose own URL is given", async () => {
    const context = new FakeContext();
    const { target } = await resolveTarget(
      context,
      { url: "https://gitlab.com/" },
      () => true,
    );
    assertEquals(target.service, "gitlab");
  });

  it("needs a URL where it has none of its own", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    const { code, message, hint } = await rejectionOf(
      resolveTarget(context, { service: "npm" }),
    );
    assertEquals([code, message, hint], [
      "usage",
      "the service npm has no URL of its own",
      "give the URL with --url",
    ]);
  });

  it("is the one that --service names", async () => {
    const { target } = await resolveTarget(new FakeContext(), {
      service: "nanoservices",
    });
    assertEquals(target.service, "nanoservices");
  });

  it("can't be one that there is not", async () => {
    const error = await rejectionOf(
      resolveTarget(new FakeContext(), { service: "nope" }),
    );
    assertEquals([error.code, error.message], [
      "usage",
      "there is no service nope",
    ]);
  });
});

describe("the target of a stored profile", () => {
  it("is what it was stored for", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    const { snapshot } = await openStored(context, {});
    assertEquals(storedTarget(snapshot, "default"), {
      profile: "default",
      service: "nanoservices",
      url: "https://default.example",
    });
  });

  it("is not logged in where nothing is stored", async () => {
    const { snapshot } = await openStored(new FakeContext(), {});
    const error = thrownBy(() => storedTarget(snapshot, "default"));
    assertEquals(error.code, "not_logged_in");
    assert(error.message.includes("profile default"));
  });
});
