import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Home, type Result } from "../support/nanoctl.ts";
import { Service, type TokenWish } from "../support/service.ts";

/** Fails if what was printed holds the token, or a half of it. */
function assertSilentAbout(token: string, { stdout, stderr }: Result): void {
  const secret = token.replace("nano_", "");
  const printed = stdout + stderr;
  for (const part of [secret.slice(0, 20), secret.slice(20)]) {
    assert(!printed.includes(part), `the token was printed: ${printed}`);
  }
}

describe("no token is printed", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  const FORMS = [["--verbose"], ["--verbose", "--json"]];
  const VALID: TokenWish[] = [{ state: "valid" }];
  const STATES: TokenWish[] = [
    ...VALID,
    { state: "expired" },
    { state: "revoked" },
    { state: "rate_limited", retry_after: 3600 },
    { state: "failing" },
    { state: "garbled" },
    { state: "misshapen" },
    { scopes: [] },
  ];
  const COMMANDS = [
    { command: ["login"], states: STATES },
    { command: ["login", "--save"], states: VALID },
    { command: ["whoami"], states: STATES },
    { command: ["status"], states: VALID },
    { command: ["status", "--check"], states: STATES },
    { command: ["logout"], states: VALID },
    { command: ["logout", "--revoke"], states: STATES },
    { command: ["logout", "--all"], states: VALID },
  ];

  for (const { command, states } of COMMANDS) {
    it(`by ${command.join(" ")}, wherever it came from, whatever the answer`, async () => {
      await Promise.all(states.map(async (wish) => {
        using home = new Home();
        const { token, id } = await service.mint();
        const file = home.at("token");
        Deno.writeTextFileSync(file, token);
        await service.logIn(home, token);
        await service.change(id, wish);
        const ways: [string[], Record<string, string>?][] = [
          [["--token", token]],
          [["--token-file", file]],
          [[], { NANOSERVICES_TOKEN: token }],
          [[], { NANOSERVICES_TOKEN_FILE: file }],
          [["--token-command", `/bin/cat '${file}'`]],
          [[]],
        ];
        for (const form of FORMS) {
          for (const [options, env] of ways) {
            const args = [...command, ...form, ...options];
            assertSilentAbout(token, await service.run(args, home, env));
          }
        }
      }));
    });
  }

  it("where it was put by mistake", async () => {
    using home = new Home();
    const { token } = service;
    const mistakes = [
      [token],
      [`--token${token}`],
      ["login", token],
      ["login", "--tokne", token],
      [`login=${token}`],
      ["login", `--tokne=${token}`],
      ["login", `--json=${token}`],
      ["login", "--save", token],
      ["login", "--timeout", token],
      ["login", "--url", `https://${token}@127.0.0.1`],
      ["login", "--url", `https://me:${token}@127.0.0.1`],
      ["login", "--token", `Bearer ${token}`],
      ["login", "--token", `"${token}"`],
      ["dev-server", "--port", token],
    ];
    const leaks: string[] = [];
    for (const args of mistakes) {
      for (const form of [[], ["--json"]]) {
        const result = await service.run([...args, ...form], home);
        assert(result.code !== 0, `no mistake: ${args}`);
        try {
          assertSilentAbout(token, result);
        } catch {
          leaks.push(args.join(" ").replace(token, "TOKEN"));
        }
      }
    }
    assertEquals(leaks, []);
  });

  it("but one line a request with --verbose, without it", async () => {
    const args = ["whoami", "--verbose", "--token", service.token];
    const { stdout, stderr } = await service.run(args, undefined);
    assertEquals(stdout, "ada\n");
    assertEquals(
      stderr.replace(/\d+ ms/, "5 ms"),
      `GET ${service.url}/v1/me 200, 5 ms, try 1, token: --token\n`,
    );
  });

  it("but by token, on stdout and nowhere else", async () => {
    using home = new Home();
    await service.logIn(home, service.token);
    for (const form of [[], ["--verbose"]]) {
      assertEquals(await service.run(["token", ...form], home), {
        code: 0,
        stdout: `${service.token}\n`,
        stderr: "",
      });
    }
  });
});
