import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type LogoutOptions,
  runLogout,
} from "../../src/cli/commands/logout.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  networkFailure,
  presented,
  problem,
  rejectionOf,
  status,
  TemporaryHome,
} from "../support/fake_context.ts";

let home: TemporaryHome;

/** A test with a home of its own and two logins: `default`, and `work`, the active one. */
function atHome(name: string, test: () => Promise<void>): void {
  it(name, async () => {
    await using own = await TemporaryHome.make();
    home = own;
    const store = new CredentialStore(contextOf());
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
    await test();
  });
}

function contextOf({ env, ...rest }: FakeContextOptions = {}): FakeContext {
  return new FakeContext({ ...rest, env: { ...home.env, ...env } });
}

async function logout(
  options: LogoutOptions,
  rest: FakeContextOptions = {},
): Promise<FakeContext> {
  const context = contextOf(rest);
  await runLogout(context, options);
  return context;
}

async function stored(): Promise<string[]> {
  return (await new CredentialStore(contextOf()).read()).names;
}

describe("logout", () => {
  atHome("deletes the active profile's token and no other", async () => {
    const context = await logout({});
    assertEquals(await stored(), ["default"]);
    assertEquals(context.stdout.text, "");
    assertEquals(context.stderr.lines, [
      "Logged out of work: the stored token is deleted.",
      "The active profile is now default.",
    ]);
  });

  const answers: [code: number, answered: Answer][] = [
    [204, status(204)],
    [401, problem(401, "token_invalid")],
  ];
  for (const [code, answered] of answers) {
    atHome(
      `keeps a login that is made while the old one is ended with ${code}`,
      async () => {
        const store = new CredentialStore(contextOf());
        const answer: Answer = async (request) => {
          await store.save({
            profile: "work",
            service: "nanoservices",
            url: "https://elsewhere.example",
            username: "ada",
            expiresAt: undefined,
            token: new Secret("nano_new"),
          });
          return await answered(request);
        };
        const context = await logout({ revoke: true }, { answer });
        assertEquals(await stored(), ["default", "work"]);
        assertEquals(context.requests.map(presented), ["nano_work"]);
        assertEquals(context.stderr.lines, [
          "warning: profile work was logged in anew meanwhile, and stays",
        ]);
      },
    );
  }

  atHome("deletes a login that was encrypted anew meanwhile", async () => {
    const store = new CredentialStore(contextOf());
    const answer: Answer = async () => {
      await store.rekey();
      return new Response(null, { status: 204 });
    };
    await logout({ revoke: true }, { answer });
    assertEquals(await stored(), ["default"]);
  });

  atHome("deletes the token of the profile that is named", async () => {
    const context = await logout({ profile: "default" });
    assertEquals(await stored(), ["work"]);
    assertEquals(context.stderr.lines, [
      "Logged out of default: the stored token is deleted.",
    ]);
  });

  atHome("deletes all of them with --all", async () => {
    const context = await logout({ all: true });
    assertEquals(await stored(), []);
    assertEquals(context.stderr.lines, [
      "Logged out of default, work: the stored token is deleted.",
    ]);
  });

  atHome("needs neither the network nor the key", async () => {
    await Deno.remove(home.env.XDG_DATA_HOME, { recursive: true });
    const context = await logout({ all: true });
    assertEquals([await stored(), context.requests], [[], []]);
  });

  atHome(
    "is not an error where nothing is stored for the profile",
    async () => {
      const context = await logout({ profile: "new" });
      assertEquals(context.stderr.lines, [
        "Nothing is stored for profile new; there is nothing to log out of.",
      ]);
      assertEquals((await stored()).length, 2);
    },
  );

  atHome("is not an error where nothing is stored at all", async () => {
    await logout({ all: true });
    const context = await logout({ all: true });
    assertEquals(context.stderr.lines, [
      "Nothing is stored; there is nothing to log out of.",
    ]);
  });

  atHome(
    "is not an error where there is no place to store anything",
    async () => {
      const context = new FakeContext();
      await runLogout(context, {});
      assert(context.stderr.text.startsWith("Nothing is stored"));
    },
  );

  atHome(
    "deletes what is for the URL and the service that are named, and nothing else",
    async () => {
      for (
        const other of [
          { url: "https://other.example" },
          { service: "coder" },
          { url: "https://work.example", service: "coder" },
          { all: true, url: "https://other.example" },
        ]
      ) {
        const context = await logout(other);
        assertEquals(await stored(), ["default", "work"]);
        assertMatch(context.stderr.text, /^Nothing is stored for /);
      }
      const context = await logout({ url: "https://other.example" });
      assertEquals(context.stderr.lines, [
        "Nothing is stored for profile work for https://other.example; there is nothing to log out of.",
      ]);
      await logout({ url: "https://WORK.example/", service: "nanoservices" });
      assertEquals(await stored(), ["default"]);
    },
  );

  atHome("deletes with --all and --url every login there", async () => {
    await logout({ all: true, url: "https://default.example" });
    assertEquals(await stored(), ["work"]);
  });

  atHome(
    "refuses a URL or a service that can't be one, and deletes nothing",
    async () => {
      for (const wrong of [{ url: "ftp://x" }, { service: "none" }]) {
        const error = await rejectionOf(runLogout(contextOf(), wrong));
        assertEquals(error.code, "usage");
      }
      assertEquals(await stored(), ["default", "work"]);
    },
  );

  atHome("says nothing with --quiet", async () => {
    assertEquals((await logout({ quiet: true })).stderr.text, "");
  });

  for (
    const name of [
      "NANOSERVICES_TOKEN",
      "NANOSERVICES_TOKEN_FILE",
      "NANOSERVICES_TOKEN_COMMAND",
    ]
  ) {
    atHome(`warns that ${name} still authenticates`, async () => {
      const context = await logout({}, { env: { [name]: "nano_env" } });
      assertEquals(
        context.stderr.lines.at(-1),
        `warning: ${name} is set, so commands are still authenticated; unset it to be logged out`,
      );
    });

    atHome(`does not warn of an empty ${name}`, async () => {
      const context = await logout({}, { env: { [name]: "" } });
      assertFalse(context.stderr.text.includes("warning"));
    });
  }
});

describe("logout --revoke", () => {
  atHome(
    "ends the stored token at its own service, then deletes it",
    async () => {
      const context = await logout({ revoke: true }, {
        answer: status(204),
        env: {
          NANOSERVICES_URL: "https://elsewhere.example",
          NANOSERVICES_TOKEN: "nano_env",
        },
      });
      assertEquals(
        context.requests.map((
          sent,
        ) => [sent.method, sent.url, presented(sent)]),
        [["POST", "https://work.example/v1/logout", "nano_work"]],
      );
      assertEquals(await stored(), ["default"]);
      assertEquals(
        context.stderr.lines[0],
        "Logged out of work: the stored token is deleted, and ended at the service.",
      );
    },
  );

  atHome("ends all of them with --all, each where it belongs", async () => {
    const context = await logout({ revoke: true, all: true }, {
      answer: status(204),
    });
    assertEquals(
      context.requests.map((sent) => `${sent.url} ${presented(sent)}`),
      [
        "https://default.example/v1/logout nano_default",
        "https://work.example/v1/logout nano_work",
      ],
    );
    assertEquals(await stored(), []);
  });

  for (const code of ["token_invalid", "token_expired", "token_revoked"]) {
    atHome(
      `deletes a token that the service no longer takes: ${code}`,
      async () => {
        await logout({ revoke: true }, { answer: problem(401, code) });
        assertEquals(await stored(), ["default"]);
      },
    );
  }

  const failures: [Answer, code: string][] = [
    [status(500), "service_error"],
    [status(429), "rate_limited"],
    [problem(403, "insufficient_scope"), "insufficient_scope"],
  ];
  for (const [answer, code] of failures) {
    atHome(
      `keeps a token that could not be ended, so that it can be tried again: ${code}`,
      async () => {
        const context = contextOf({ answer });
        const error = await rejectionOf(runLogout(context, { revoke: true }));
        assertEquals(error.code, code);
        assert(
          error.message.startsWith(
            "the token of profile work was not ended and stays stored: ",
          ),
          error.message,
        );
        assertEquals(await stored(), ["default", "work"]);
      },
    );
  }

  atHome(
    "deletes a token when the service is out of reach, and says that it was not revoked",
    async () => {
      const context = contextOf({
        answer: networkFailure("(Connect): dns error: nope"),
      });
      const error = await rejectionOf(
        runLogout(context, { revoke: true, json: true }),
      );
      assertEquals(error.code, "network_name");
      assert(
        error.message.startsWith(
          "the token of profile work was deleted here, but not revoked: ",
        ),
        error.message,
      );
      assertEquals(await stored(), ["default"]);
      assertEquals(context.stdout.text, '{"removed":["work"],"revoked":[]}\n');
    },
  );

  atHome(
    "with --all deletes what was ended before another one failed",
    async () => {
      const context = contextOf({
        answer: ({ url }) =>
          new Response(null, { status: url.includes("work") ? 500 : 204 }),
      });
      const error = await rejectionOf(
        runLogout(context, { revoke: true, all: true, json: true }),
      );
      assertEquals(await stored(), ["work"]);
      assertEquals(
        context.stdout.text,
        '{"removed":["default"],"revoked":["default"]}\n',
      );
      assertEquals(error.code, "service_error");
      assertEquals(
        error.hint,
        "try again later, or forget it here only: nanoctl logout --profile work",
      );
    },
  );

  atHome("with --all goes on when one fails, and says which", async () => {
    const context = contextOf({
      answer: ({ url }) =>
        new Response(null, { status: url.includes("default") ? 500 : 204 }),
    });
    await rejectionOf(runLogout(context, { revoke: true, all: true }));
    assertEquals(await stored(), ["default"]);
    assertEquals(context.stderr.lines, [
      "Logged out of work: the stored token is deleted, and ended at the service.",
      "The active profile is now default.",
    ]);
  });

  atHome(
    "with --all says of each that fails that it is still there",
    async () => {
      const context = contextOf({ answer: status(500) });
      const error = await rejectionOf(
        runLogout(context, { revoke: true, all: true }),
      );
      assert(error.message.startsWith("the token of profile default was not"));
      assertEquals(await stored(), ["default", "work"]);
      assertMatch(
        context.stderr.text,
        /^warning: the token of profile work was not ended and stays stored: .*\n$/,
      );
    },
  );

  atHome("asks nobody where nothing is stored", async () => {
    const context = await logout({ revoke: true, profile: "new" });
    assertEquals(context.requests, []);
  });
});

describe("logout --json", () => {
  atHome("prints what was removed and what was ended", async () => {
    const context = await logout({ json: true });
    assertEquals(context.stdout.text, '{"removed":["work"],"revoked":[]}\n');
  });

  atHome("prints what was ended with --revoke", async () => {
    const context = await logout({ json: true, revoke: true, all: true }, {
      answer: status(204),
    });
    assertEquals(
      context.stdout.text,
      '{"removed":["default","work"],"revoked":["default","work"]}\n',
    );
  });

  atHome(
    "does not say of a token that it was ended which the service had not to end",
    async () => {
      const context = await logout({
        json: true,
        profile: "new",
        revoke: true,
      });
      assertEquals(context.stdout.text, '{"removed":[],"revoked":[]}\n');
    },
  );
});
