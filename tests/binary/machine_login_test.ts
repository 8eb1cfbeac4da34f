import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  type Failure,
  Home,
  type Result,
  run,
  type RunOptions,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import {
  countsOf,
  registerClient,
  workloadToken,
} from "../support/oauth_service.ts";
import { deadUrl } from "../support/servers.ts";
import { Service } from "../support/service.ts";
import { writePrivate } from "../support/store_files.ts";

const CLIENT = ["login", "--client-credentials", "--client-id", "ci"];

let service: Service;
let secret: string;

beforeAll(async () => {
  service = await Service.start();
  secret = await registerClient(service, "ci");
});
afterAll(() => service.stop());

/** Writes a secret to a file in a home, and gives its path. */
function fileWith(home: Home, text: string): string {
  const path = home.at("secret");
  writePrivate(path, `${text}\n`);
  return path;
}

/** Checks that nothing was stored in a home that had the file with the secret only. */
function assertNothingStored(home: Home): void {
  assertEquals(home.entries().filter((path) => path !== "secret"), []);
}

/** Checks a refused login, in text and in JSON. */
async function assertRefused(
  args: string[],
  options: RunOptions,
  expected: Omit<Failure, "exit" | "code">,
): Promise<void> {
  await assertFails(args, {
    ...options,
    env: { ...service.env, ...options.env },
  }, { exit: 4, code: "login_denied", ...expected });
}

/** Checks that a login was stored, sealed, and that it works without any option. */
async function assertStored(
  home: Home,
  secret: string,
  username: string,
): Promise<void> {
  Deno.removeSync(home.at("secret"));
  assertEquals(home.entries(), STORED_ENTRIES);
  assertEquals(home.holds(secret), false);
  const token = await run(["token"], { home });
  assertEquals(token.code, 0, token.stderr);
  // It ends in an hour, but renews itself.
  assertEquals(token.stderr, "");
  assertEquals(home.holds(token.stdout.trimEnd()), false);
  const { stdout } = await service.run(["whoami"], home);
  assertEquals(stdout, `${username}\n`);
}

/** Checks that a login said who it is and that nothing was stored. */
function assertSaid({ code, stdout, stderr }: Result, username: string): void {
  assertEquals([code, stdout], [0, ""], stderr);
  assertMatch(
    stderr,
    new RegExp(`^The token from the login at ${service.url} is valid: `),
  );
  assertMatch(stderr, new RegExp(`: you are ${username} at `));
  assertMatch(stderr, /\nNothing was stored; add --save to keep it.+\n$/);
}

describe("login --client-credentials", () => {
  it("takes the secret from a file, and stores nothing", async () => {
    using home = new Home();
    const file = fileWith(home, secret);
    const args = [...CLIENT, "--client-secret-file", file];
    const result = await service.run([...args, "--verbose"], home);
    assert(!result.stderr.includes(secret), result.stderr);
    const said = result.stderr.split("\n").filter((line) =>
      !/^(GET|POST) /.test(line)
    );
    assertSaid({ ...result, stderr: said.join("\n") }, "ci");
    assertNothingStored(home);
  });

  it("takes the secret from NANOCTL_CLIENT_SECRET", async () => {
    using home = new Home();
    const env = { NANOCTL_CLIENT_SECRET: secret };
    assertSaid(await service.run(CLIENT, home, env), "ci");
    const { stdout } = await service.run([...CLIENT, "--json"], home, env);
    const { account, origin, stored } = JSON.parse(stdout);
    assertEquals(
      [account.username, origin, stored],
      ["ci", "client-credentials", false],
    );
    assertEquals(home.entries(), []);
  });

  it("prefers the file to the variable", async () => {
    using home = new Home();
    const file = fileWith(home, secret);
    const args = [...CLIENT, "--client-secret-file", file];
    const env = { NANOCTL_CLIENT_SECRET: "another" };
    assertEquals((await service.run(args, home, env)).code, 0);
  });

  it("keeps the login sealed with --save, with the secret that ends it", async () => {
    using home = new Home();
    const file = fileWith(home, secret);
    const args = [...CLIENT, "--client-secret-file", file, "--save"];
    const { code, stderr } = await service.run(args, home);
    assertEquals(code, 0, stderr);
    await assertStored(home, secret, "ci");
    const logout = await service.run(["logout", "--revoke"], home);
    assertEquals(logout.code, 0, logout.stderr);
    assertMatch(logout.stderr, /ended at the service/);
  });

  it("takes a secret with characters that a form encodes", async () => {
    using home = new Home();
    const odd = "a b:c%d+e&f=g/h";
    await registerClient(service, "odd", odd);
    const args = ["login", "--client-credentials", "--client-id", "odd"];
    const env = { NANOCTL_CLIENT_SECRET: odd };
    assertSaid(await service.run(args, home, env), "odd");
  });

  it("is refused with another secret, which it does not show", async () => {
    using home = new Home();
    const wrong = secret.slice(0, -1);
    const file = fileWith(home, wrong);
    await assertRefused(
      [...CLIENT, "--client-secret-file", file, "--save"],
      { home },
      {
        message: /does not accept the client \(invalid_client\)/,
        hint: /^check --client-id, and the client's secret if it has one$/,
        secret: wrong,
      },
    );
    assertNothingStored(home);
  });

  it("needs a client and a secret", async () => {
    for (
      const [args, env] of [
        [["login", "--client-credentials"], { NANOCTL_CLIENT_SECRET: secret }],
        [CLIENT, {}],
      ] as const
    ) {
      await assertFails([...args], { env: { ...service.env, ...env } }, {
        exit: 2,
        code: "usage",
        message: /^--client-credentials needs a client and its secret$/,
        hint: /--client-secret-file or NANOCTL_CLIENT_SECRET$/,
        secret,
      });
    }
  });

  it("says which file can't be read", async () => {
    using home = new Home();
    const args = [...CLIENT, "--client-secret-file", home.at("nothing")];
    await assertFails(args, { home, env: service.env }, {
      exit: 3,
      code: "not_logged_in",
      message:
        /^the client's secret can't be read from \S+nothing: there is no such file$/,
      hint: /^check the path$/,
    });
  });
});

describe("login --subject-token-file", () => {
  it("exchanges a workload's token, and stores nothing", async () => {
    using home = new Home();
    const token = await workloadToken(service);
    const args = ["login", "--subject-token-file", fileWith(home, token)];
    const result = await service.run(args, home);
    assertSaid(result, "repo-acme-app");
    assert(!result.stderr.includes(token), result.stderr);
    assertNothingStored(home);
  });

  it("keeps the login sealed with --save", async () => {
    using home = new Home();
    const token = await workloadToken(service);
    const file = fileWith(home, token);
    const args = ["login", "--save", "--subject-token-file", file];
    const { code, stderr } = await service.run(args, home);
    assertEquals(code, 0, stderr);
    await assertStored(home, token, "repo-acme-app");
    // The server gave no refresh token, so there is nothing to spend.
    assertEquals(await countsOf(service), { refreshes: 0, reuses: 0 });
  });

  it("asks for the audience that is named", async () => {
    using home = new Home();
    const file = fileWith(home, await workloadToken(service));
    const args = ["login", "--subject-token-file", file, "--audience"];
    assertSaid(
      await service.run([...args, service.url], home),
      "repo-acme-app",
    );
    await assertRefused([...args, "https://elsewhere.example"], { home }, {
      message: /does not accept the workload's token \(invalid_target\)/,
      hint: /audience/,
    });
  });

  const refused: [what: string, wish: Parameters<typeof workloadToken>[1]][] = [
    ["has expired", { expires_in: -60 }],
    ["is for another audience", { audience: "https://elsewhere.example" }],
  ];
  for (const [what, wish] of refused) {
    it(`is refused with a token that ${what}`, async () => {
      using home = new Home();
      const token = await workloadToken(service, wish);
      const file = fileWith(home, token);
      const args = ["login", "--save", "--subject-token-file", file];
      await assertRefused(args, { home }, {
        message: /does not accept the workload's token \(invalid_request\)/,
        hint:
          /^check the token's audience and expiry, and whom the server trusts$/,
        secret: token,
      });
      assertNothingStored(home);
    });
  }

  it("is refused with what is no token", async () => {
    using home = new Home();
    const file = fileWith(home, "no.such.token");
    await assertRefused(["login", "--subject-token-file", file], { home }, {
      message: /not a JWT/,
      hint: /^check the token/,
      secret: "no.such.token",
    });
  });

  it("is an error of the network where there is no server", async () => {
    using home = new Home();
    const file = fileWith(home, await workloadToken(service));
    const args = ["login", "--subject-token-file", file, "--url", deadUrl()];
    await assertFails(args, { home }, {
      exit: 5,
      code: "network_refused",
      message: /refused/,
      hint: /./,
    });
  });
});

describe("two ways of logging in", () => {
  it("are one too many", async () => {
    using home = new Home();
    const file = fileWith(home, secret);
    for (
      const [args, message] of [
        [["--device", "--subject-token-file", file], /^several ways/],
        [["--device", "--client-credentials"], /^several ways/],
        [["--device", "--token", "nano_x"], /^a token is given together/],
        [
          ["--device", "--issuer", "https://id.example", "--url", "x"],
          /^--issuer/,
        ],
      ] as const
    ) {
      await assertFails(["login", ...args], { home }, {
        exit: 2,
        code: "usage",
        message,
        hint: /./,
      });
    }
    assertNothingStored(home);
  });
});
