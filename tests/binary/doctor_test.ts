import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFinds, assertNotWell, diagnose } from "../support/doctor.ts";
import { Home, run } from "../support/nanoctl.ts";
import { ScriptedOAuth } from "../support/scripted_oauth.ts";
import { deadUrl, StrangeServer } from "../support/servers.ts";
import { Service } from "../support/service.ts";
import { readCredentials, succeed } from "../support/store_files.ts";
import { Terminal } from "../support/terminal.ts";

const NAMES = [
  "paths",
  "permissions",
  "credentials",
  "key",
  "service",
  "proxy",
  "authorities",
  "reachability",
  "certificate",
  "clock",
  "login",
  "token",
];

describe("doctor", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  it("finds that all is well, and changes nothing", async () => {
    using home = await service.homeWith();
    const before = home.entries();
    const diagnosis = await diagnose({ home });
    assertEquals([diagnosis.code, diagnosis.stderr], [0, "All is well.\n"]);
    assertEquals(Object.keys(diagnosis.checks), NAMES);
    assertNotWell(diagnosis, {});
    assertEquals(home.entries(), before);
  });

  it("prints a line for each check, in a pipe each on one line", async () => {
    using home = await service.homeWith();
    const { code, stdout, stderr } = await run(["doctor"], { home });
    assertEquals([code, stderr], [0, "All is well.\n"]);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(
      lines.map((line) => line.match(/^ok {7}([a-z]+) +\S/)?.[1]),
      NAMES,
    );
    const quiet = await run(["doctor", "--quiet"], { home });
    assertEquals([quiet.code, quiet.stderr], [0, ""]);
    assertEquals(quiet.stdout.split("\n").length, NAMES.length + 1);
  });

  describe("where nothing is set up and nothing listens", () => {
    it("says what to do, in text", async () => {
      using home = new Home();
      const url = deadUrl();
      const { code, stdout, stderr } = await run(["doctor", "--url", url], {
        home,
      });
      assertEquals(code, 5);
      assertEquals(
        stderr,
        "error: 2 of 12 checks failed: reachability, login\n" +
          "hint: run 'nanoctl explain network_refused' to see what helps\n",
      );
      assertMatch(
        stdout,
        /^failed {3}reachability {2}nothing answers at .*\n {9}remedy {8}start the embedded service with 'nanoctl dev-server', or .*$/m,
      );
      assertMatch(
        stdout,
        /^failed {3}login {9}not logged in: .*\n {9}remedy {8}log in with 'nanoctl login/m,
      );
      assertMatch(
        stdout,
        /^skipped {2}clock {9}not checked, as the service can't be reached$/m,
      );
      assertEquals(home.entries(), []);
    });

    it("has the exit code of the first failure, and its error with --json", async () => {
      using home = new Home();
      const diagnosis = await diagnose({ home }, "--url", deadUrl());
      assertNotWell(diagnosis, {
        reachability: "failed",
        certificate: "skipped",
        clock: "skipped",
        login: "failed",
        token: "skipped",
      });
      assertFinds(diagnosis, "reachability", {
        result: "failed",
        message: /^nothing answers at /,
        remedy: /'nanoctl dev-server'/,
        error: ["network_refused", 5],
      });
    });

    it("fits a terminal of 80 columns, in words without colours", async () => {
      using home = new Home();
      const terminal = new Terminal(["doctor", "--url", deadUrl()], {
        home,
        // Where nothing moves, what it shows is what it says.
        env: { TERM: "dumb" },
      });
      const { code, screen } = await terminal.end();
      assertEquals(code, 5);
      assert(!screen.includes("\x1b"), JSON.stringify(screen));
      const lines = screen.trim().split(/\r?\n/).filter((line) =>
        !/^Checking /.test(line)
      );
      assertEquals(lines.filter((line) => line.length > 80), []);
      const words = lines.map((line) => line.split(/ +/, 2).join(" ").trim());
      for (const start of ["ok paths", "failed login", "skipped token"]) {
        assert(words.includes(start), screen);
      }
      // What goes on does so below itself.
      assertMatch(screen, /^ {9}remedy {8}start .*\r?\n {23}\S/m);
    });
  });

  describe("checks the service", () => {
    it("and names what names it", async () => {
      using home = await service.homeWith();
      const url = deadUrl();
      const sources: [string[], Record<string, string>, RegExp][] = [
        [["--url", url], {}, /, from --url$/],
        [[], { NANOSERVICES_URL: url }, /, from NANOSERVICES_URL$/],
        [[], { CODER_URL: url }, /\(coder\), from CODER_URL$/],
        [[], {}, /, of profile default$/],
        [
          ["--header", "X-Access-Id=not-for-anybody"],
          {},
          /, with the header X-Access-Id \(--header\)$/,
        ],
      ];
      for (const [args, env, message] of sources) {
        const diagnosis = await diagnose({ home, env }, ...args);
        assertFinds(diagnosis, "service", { result: "ok", message });
        assert(!diagnosis.stdout.includes("not-for-anybody"));
      }
    });

    it("fails for a URL, a name or an option that can't be right", async () => {
      using home = new Home();
      const lines: [string[], RegExp][] = [
        [["--url", "https://ada:s3cretpassword@a.example"], /^the URL is not/],
        [["--service", "none"], /^there is no service none$/],
        [["--timeout", "0"], /^--timeout 0 is not a time limit$/],
        [["--header", "s3cretpassword"], /^what --header gives is not/],
        [["--profile", "../up"], /profile/],
      ];
      for (const [args, message] of lines) {
        const diagnosis = await diagnose({ home }, ...args);
        assertFinds(diagnosis, "service", {
          result: "failed",
          message,
          remedy: /./,
          error: ["usage", 2],
        });
        assertFinds(diagnosis, "reachability", {
          result: "skipped",
          message: /^not checked, as it is not known which service is meant$/,
        });
        assert(!diagnosis.stdout.includes("s3cret"), diagnosis.stdout);
      }
    });
  });

  describe("checks the login", () => {
    it("and names the source of the token", async () => {
      using home = await service.homeWith();
      const file = home.at("token");
      Deno.writeTextFileSync(file, service.token);
      const sources: [string[], Record<string, string>, RegExp][] = [
        [[], {}, /from the stored login of profile default, of ada$/],
        [["--token", service.token], {}, /from --token$/],
        [["--token-file", file], {}, /from .*token$/],
        [[], { NANOSERVICES_TOKEN: service.token }, /from NANOSERVICES_TOKEN$/],
      ];
      for (const [args, env, message] of sources) {
        const diagnosis = await diagnose({ home, env }, ...args);
        assertNotWell(diagnosis, {});
        assertFinds(diagnosis, "login", { result: "ok", message });
        assert(!diagnosis.stdout.includes(service.token));
      }
    });

    it("fails where there is none, or none that is a token", async () => {
      using home = new Home();
      const options = { home, env: service.env };
      const none = await diagnose(options);
      assertNotWell(none, { login: "failed", token: "skipped" });
      assertFinds(none, "login", {
        result: "failed",
        message: /^not logged in: nothing is stored for profile default$/,
        remedy: /^log in with 'nanoctl login'/,
        error: ["not_logged_in", 3],
      });
      assertFinds(none, "token", {
        result: "skipped",
        message: /^not checked, as no token is known$/,
      });
      const malformed = await diagnose(options, "--token", '"nano_in quotes"');
      assertFinds(malformed, "login", {
        result: "failed",
        message: /--token/,
        remedy: /./,
        error: ["token_invalid", 4],
      });
    });

    it("fails where the stored one is for another service", async () => {
      using home = await service.homeWith();
      const url = deadUrl();
      const diagnosis = await diagnose(
        { home },
        ...["--url", url, "--profile", "default"],
      );
      assertFinds(diagnosis, "login", {
        result: "failed",
        message: /^not logged in to .*: profile default is for /,
        remedy: /--profile <name>$/,
      });
    });
  });

  describe("checks the token", () => {
    it("and says whose it is and when it expires", async () => {
      using home = await service.homeWith();
      assertFinds(await diagnose({ home }), "token", {
        result: "ok",
        message:
          /^valid, and you are ada; it expires on \d{4}-\d\d-\d\d \(in 30 days\)$/,
      });
    });

    for (const state of ["expired", "revoked"]) {
      it(`fails for one that was ${state}`, async () => {
        const { token, id } = await service.mint();
        using home = new Home();
        await service.logIn(home, token);
        await service.change(id, { state });
        const diagnosis = await diagnose({ home });
        assertNotWell(diagnosis, { token: "failed" });
        assertFinds(diagnosis, "token", {
          result: "failed",
          message: /refused the token from the stored login of profile default/,
          remedy: /^log in again with 'nanoctl login'$/,
          error: [`token_${state}`, 4],
        });
      });
    }

    it("warns of one that expires within a day", async () => {
      const { token } = await service.mint({ expires_in: 7200 });
      using home = new Home();
      await service.logIn(home, token);
      const stored = await diagnose({ home });
      assertNotWell(stored, { token: "warning" });
      assertEquals(stored.stderr, "All is well; see the warning.\n");
      assertFinds(stored, "token", {
        result: "warning",
        message: /it expires on \S+ \(in 2 hours\)$/,
        remedy: /^log in again with 'nanoctl login'$/,
      });
      const env = { ...service.env, NANOSERVICES_TOKEN: token };
      assertFinds(await diagnose({ env }), "token", {
        result: "warning",
        message: /\(in 2 hours\)$/,
        remedy: /^put a new token into NANOSERVICES_TOKEN$/,
      });
    });

    it("fails for what answers in the service's place", async () => {
      await using server = new StrangeServer(() => Response.json({ a: 1 }));
      const env = { NANOSERVICES_TOKEN: service.token };
      using home = new Home();
      assertFinds(await diagnose({ home, env }, "--url", server.url), "token", {
        result: "failed",
        message: /answered in the wrong shape/,
        remedy: /./,
        error: ["service_response", 6],
      });
    });

    it("that renews itself, and does not renew it", async () => {
      using home = new Home();
      await using oauth = new ScriptedOAuth({
        token: () => ({
          body: {
            access_token: "first-token",
            token_type: "Bearer",
            expires_in: 0,
          },
        }),
      });
      Deno.writeTextFileSync(home.at("workload"), "a.workload.token\n");
      await succeed([
        ...["login", "--issuer", oauth.issuer, "--save", "--audience", "api"],
        ...["--subject-token-file", home.at("workload")],
      ], { home });
      const before = readCredentials(home);
      assertFinds(await diagnose({ home }), "token", {
        result: "ok",
        message:
          /^valid, and you are ada; it expired on .*, and renews itself$/,
      });
      oauth.scripts.userinfo = () => ({ status: 401, body: {} });
      assertFinds(await diagnose({ home }), "token", {
        result: "warning",
        message: /it is not valid; the next command that uses it renews it$/,
        remedy: /^run 'nanoctl whoami', which renews it$/,
      });
      assertEquals(readCredentials(home), before);
      assertEquals(oauth.formsTo("token").length, 1);
    });
  });
});
