import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runDoctor } from "../../src/cli/commands/doctor.ts";
import { checkAuthorities } from "../../src/cli/doctor/authorities.ts";
import {
  type Check,
  type CheckName,
  CHECKS,
  type NamedFinding,
  runChecks,
} from "../../src/cli/doctor/checks.ts";
import { type Facts, gatherFacts } from "../../src/cli/doctor/facts.ts";
import {
  type Finding,
  ok,
  skipped,
  warning,
} from "../../src/cli/doctor/finding.ts";
import { checkPermissions } from "../../src/cli/doctor/permissions.ts";
import { findingText, verdict } from "../../src/cli/doctor/report.ts";
import { Output } from "../../src/cli/output.ts";
import { NanoctlError } from "../../src/errors.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { credential } from "../store/store_fixture.ts";
import {
  FakeContext,
  type FakeContextOptions,
  me,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

function factsOf(context: FakeContext): Facts {
  return gatherFacts(context, {}, new Output(context, {}));
}

/** Runs these checks, and gives what each found. */
async function found(
  checks: Check[],
  options: FakeContextOptions = {},
): Promise<NamedFinding[]> {
  return await Array.fromAsync(
    runChecks(factsOf(new FakeContext(options)), checks),
  );
}

function check(name: CheckName, run: () => Finding, needs = {}): Check {
  return { name, needs, run };
}

function refuse(): never {
  throw new NanoctlError("network_name", "it was not found", "look again");
}

describe("the checks of doctor", () => {
  it("stand behind those that they need, each once", () => {
    const seen = new Set<string>();
    for (const { name, needs, needsIfStored } of CHECKS) {
      for (const needed of Object.keys({ ...needs, ...needsIfStored })) {
        assert(seen.has(needed), `${name} needs ${needed}`);
      }
      assert(!seen.has(name), name);
      seen.add(name);
    }
  });

  it("fail with the error that one throws, and skip those behind it", async () => {
    const never = (): never => {
      throw new Error("it was run");
    };
    const findings = await found([
      check("proxy", refuse),
      check("clock", never, { proxy: "there is no way" }),
      check("token", never, { clock: "there is no time" }),
      check("key", () => ok("found"), { paths: "there is no place" }),
    ]);
    assertEquals(findings.map(({ finding }) => finding), [
      {
        result: "failed",
        message: "it was not found",
        remedy: "look again",
        code: "network_name",
      },
      skipped("there is no way"),
      skipped("there is no time"),
      ok("found"),
    ]);
  });

  it("go on behind a warning", async () => {
    const findings = await found([
      check("proxy", () => warning("odd", "mend it")),
      check("clock", () => ok("right"), { proxy: "there is no way" }),
    ]);
    assertEquals(findings.map(({ finding }) => finding.result), [
      "warning",
      "ok",
    ]);
  });

  it("need what is stored only where no token is given", async () => {
    const checks: Check[] = [
      check("key", refuse),
      {
        name: "token",
        needsIfStored: { key: "of the key" },
        run: () => ok(""),
      },
    ];
    const results = async (env: Record<string, string>): Promise<string[]> =>
      (await found(checks, { env })).map(({ finding }) => finding.result);
    assertEquals(await results({}), ["failed", "skipped"]);
    const given = { NANOSERVICES_TOKEN: "nano_given" };
    assertEquals(await results(given), ["failed", "ok"]);
  });

  it("end with Ctrl-C, and with what is no error of ours", async () => {
    const interrupted = (): never => {
      throw new NanoctlError("interrupted", "interrupted");
    };
    const work = found([check("key", interrupted)]);
    assertEquals((await rejectionOf(work)).code, "interrupted");
    const broken = (): never => {
      throw new TypeError("a mistake of ours");
    };
    await assertRejects(() => found([check("key", broken)]), TypeError);
  });

  it("ask for a passphrase once, and end with Ctrl-C there", async () => {
    await using home = await TemporaryHome.make();
    const env = { ...home.env, NANOSERVICES_URL: "http://127.0.0.1:9" };
    const passphrase = { NANOCTL_PASSPHRASE: "a passphrase" };
    await new CredentialStore(
      new FakeContext({ env: { ...env, ...passphrase } }),
    ).save({ ...credential("default"), url: "http://127.0.0.1:9" });
    const asked = (typed: (string | Error)[]): FakeContext =>
      new FakeContext({ env, terminals: true, typed, answer: me() });
    const right = asked(["a passphrase"]);
    await runDoctor(right, { quiet: true });
    assertEquals(right.questions.length, 1);
    const ended = asked([new NanoctlError("interrupted", "interrupted")]);
    const { code } = await rejectionOf(runDoctor(ended, { quiet: true }));
    assertEquals(code, "interrupted");
    assertMatch(ended.stdout.text, /^ok +credentials/m);
    assertEquals(/^\w+ +key/m.test(ended.stdout.text), false);
  });

  it("know that Windows has no modes, and which folders are in the profile", async () => {
    await using home = await TemporaryHome.make();
    const { NANOCTL_CONFIG_DIR, XDG_DATA_HOME } = home.env;
    const env = { NANOCTL_CONFIG_DIR, LOCALAPPDATA: XDG_DATA_HOME };
    const context = new FakeContext({ env, os: "windows" });
    await new CredentialStore(context).save(credential("default"));
    assertEquals(
      checkPermissions(factsOf(context)),
      warning(
        `${NANOCTL_CONFIG_DIR}: outside of your profile, so the access list may let others read`,
        "see it with icacls, or move the folder into your profile",
      ),
    );
    context.variables.set("USERPROFILE", home.path);
    assertEquals(
      checkPermissions(factsOf(context)),
      ok("the folders have the access list of your profile"),
    );
  });

  it("name the authorities that only the runtime knows", async () => {
    const messageWith = async (options: FakeContextOptions): Promise<string> =>
      (await checkAuthorities(factsOf(new FakeContext(options)))).message;
    assertEquals(
      (await messageWith({ os: "darwin" })).replace(/\d+/, "N"),
      "N built in, those of the system's own store",
    );
    assertEquals(
      await messageWith({ env: { DENO_TLS_CA_STORE: "system" } }),
      "those that DENO_TLS_CA_STORE names",
    );
  });
});

describe("what doctor prints", () => {
  const failed: Finding = {
    result: "failed",
    message: "a long way ".repeat(12).trim(),
    remedy: `say 'nanoctl login --profile ${"x".repeat(31)}' or something else`,
    code: "failed",
  };

  it("goes on below itself on a terminal, with commands in one piece", () => {
    const text = findingText({ name: "clock", finding: failed }, true);
    const lines = text.split("\n");
    assertEquals(lines.filter((line) => line.length > 80), []);
    assertEquals(
      lines[0],
      `failed   clock         ${"a long way ".repeat(5)}a`,
    );
    assertEquals(
      lines[1],
      `${" ".repeat(23)}long way ${"a long way ".repeat(4)}a`,
    );
    assertEquals(lines.at(-3), "         remedy        say");
    const indent = " ".repeat(23);
    assertEquals(
      lines.at(-2),
      `${indent}'nanoctl login --profile ${"x".repeat(31)}'`,
    );
    assertEquals(lines.at(-1), `${indent}or something else`);
  });

  it("has a line for the finding and one for the remedy in a pipe", () => {
    const text = findingText({ name: "clock", finding: failed }, false);
    assertEquals(text.split("\n").length, 2);
  });

  it("never breaks a command that mends modes, however long", () => {
    const remedy = `chmod 0600 /${"a/".repeat(60)}b && chmod 0600 /c`;
    const finding = { ...failed, message: "short", remedy };
    const text = findingText({ name: "clock", finding }, true);
    assertEquals(text.split("\n")[1], `         remedy        ${remedy}`);
  });

  it("holds no secret and nothing that a terminal obeys", () => {
    const secret = new Secret("a secret of this process");
    const finding = ok(`\x1b[31mred\x07 ${secret.reveal()}`);
    const text = findingText({ name: "clock", finding }, false);
    assertEquals(text, "ok       clock         [31mred [secret]");
  });

  it("comes to one sentence", () => {
    const of = (...findings: Finding[]): string =>
      verdict(findings.map((finding) => ({ name: "clock", finding })));
    assertEquals(of(ok("")), "All is well.");
    assertEquals(of(warning("", "")), "All is well; see the warning.");
    assertEquals(
      of(warning("", ""), warning("", ""), skipped("")),
      "All is well, as far as it was checked (1 skipped); see the 2 warnings.",
    );
  });
});
