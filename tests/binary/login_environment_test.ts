import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFailure,
  assertJsonFailure,
  Home,
  run,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { deadUrl } from "../support/servers.ts";
import { Service } from "../support/service.ts";

describe("nanoctl login with NANOSERVICES_TOKEN", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  it("is silent and writes no file", async () => {
    using home = new Home();
    const env = { NANOSERVICES_TOKEN: service.token };
    const seen = await service.requestsDuring(async () =>
      assertEquals(await service.run(["login"], home, env), {
        code: 0,
        stdout: "",
        stderr: "",
      })
    );
    assertEquals(seen.map(({ path, status }) => [path, status]), [[
      "/v1/me",
      200,
    ]]);
    assertEquals(home.entries(), []);
  });

  it("takes the token from the file that NANOSERVICES_TOKEN_FILE names", async () => {
    using home = new Home();
    Deno.writeTextFileSync(home.at("token"), `${service.token}\n`);
    const env = { NANOSERVICES_TOKEN_FILE: home.at("token") };
    assertEquals(await service.run(["login"], home, env), {
      code: 0,
      stdout: "",
      stderr: "",
    });
    assertEquals(home.entries(), ["token"]);
  });

  const refusals = [
    { state: "expired", code: "token_expired", says: /has expired$/ },
    { state: "revoked", code: "token_revoked", says: /was revoked$/ },
  ];
  for (const { state, code, says } of refusals) {
    it(`exits 4 for a token that is ${state}, and writes no file`, async () => {
      using home = new Home();
      const { token } = await service.mint({ state });
      const env = { NANOSERVICES_TOKEN: token };
      const expected = {
        exit: 4,
        code,
        message: says,
        hint: /^unset NANOSERVICES_TOKEN .*\/settings\/tokens$/,
      };
      assertFailure(await service.run(["login"], home, env), expected);
      assertJsonFailure(
        await service.run(["login", "--json"], home, env),
        expected,
      );
      assertEquals(home.entries(), []);
    });
  }

  it("exits 4 for a token that the service does not know", async () => {
    using home = new Home();
    const result = await service.run(["login"], home, {
      NANOSERVICES_TOKEN: "nano_nobody",
    });
    assertFailure(result, {
      exit: 4,
      code: "token_invalid",
      message: /NANOSERVICES_TOKEN: it is not valid$/,
      hint: /^unset NANOSERVICES_TOKEN and log in/,
    });
    assertEquals(home.entries(), []);
  });

  it("exits 6 when the service fails, and 5 when there is none", async () => {
    using home = new Home();
    const { token } = await service.mint({ state: "failing" });
    const env = { NANOSERVICES_TOKEN: token };
    const failed = await service.run(["login"], home, env);
    assertEquals([failed.code, failed.stdout], [6, ""]);
    const unreached = await run(["login"], {
      home,
      env: { ...env, NANOSERVICES_URL: deadUrl() },
    });
    assertEquals([unreached.code, unreached.stdout], [5, ""]);
    assertEquals(home.entries(), []);
  });

  it("goes before a stored login, and after an option", async () => {
    using home = new Home();
    const [stored, given, option] = await Promise.all([
      service.mint({ username: "stored" }),
      service.mint({ username: "given" }),
      service.mint({ username: "option" }),
    ]);
    await service.logIn(home, stored.token);
    const env = { NANOSERVICES_TOKEN: given.token };
    const options = ["--token", option.token];
    assertEquals((await service.run(["whoami"], home)).stdout, "stored\n");
    assertEquals((await service.run(["whoami"], home, env)).stdout, "given\n");
    assertEquals(
      (await service.run(["whoami", ...options], home, env)).stdout,
      "option\n",
    );
  });

  it("stores the token only with --save", async () => {
    using home = new Home();
    const env = { NANOSERVICES_TOKEN: service.token };
    const { code, stderr } = await service.run(["login", "--save"], home, env);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /Stored, encrypted/);
    assertEquals(home.entries(), STORED_ENTRIES);
    assertEquals(home.holds(service.token), false);
  });
});
