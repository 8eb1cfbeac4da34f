import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFailure,
  assertJsonFailure,
  BINARY,
  Child,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { PATH } from "../support/store_files.ts";
import { itWithPrograms, TokenGate } from "../support/token_gate.ts";

/** The command lines of docs/tools.md that use a format. */
const LINES = Deno.readTextFileSync(
  new URL("../../docs/tools.md", import.meta.url),
).match(/(?<=^ {4}).*nanoctl token --format .*$/gm) ?? [];
/** The service in the documents. */
const DOCUMENTED = "https://nano.example.com";
/** What they get there. */
const THINGS = "/v1/things";

function lineWith(text: string): string {
  const [line = "", ...others] = LINES.filter((one) => one.includes(text));
  assertEquals(others, []);
  assert(line !== "", `no line with ${text}`);
  return line;
}

describe("token --format, as docs/tools.md shows it,", () => {
  let service: Service;
  let gate: TokenGate;
  let home: Home;
  beforeAll(async () => {
    service = await Service.start();
    gate = new TokenGate(service);
    home = new Home();
    await service.logIn(home, service.token, "--url", gate.url);
    Deno.symlinkSync(BINARY, home.at("nanoctl"));
  });
  afterAll(async () => {
    home[Symbol.dispose]();
    await gate[Symbol.asyncDispose]();
    await service.stop();
  });

  /** Runs a line of the documents in bash, against the service of this test. */
  async function ran(line: string): Promise<Result> {
    const command = line.replaceAll(DOCUMENTED, gate.url);
    return await new Child("bash", ["-c", `set -o pipefail; ${command}`], {
      home,
      cwd: home.path,
      env: { PATH: `${home.path}:${PATH}`, npm_config_loglevel: "error" },
    }).end();
  }

  it("is tried here in each line", () => assertEquals(LINES.length, 5));

  itWithPrograms(["bash", "curl"], "gives curl a header on stdin", async () => {
    const { code, stdout } = await ran(lineWith("curl -H @-"));
    assertEquals([code, JSON.parse(stdout).username], [0, "ada"]);
    const way = { path: THINGS, scheme: "bearer", status: 200 };
    assertEquals(gate.passages.at(-1), way);
  });

  itWithPrograms(["bash", "curl"], "gives curl a netrc file", async () => {
    const { code, stdout } = await ran(lineWith("--netrc-file"));
    assertEquals([code, JSON.parse(stdout).username], [0, "ada"]);
    const way = { path: THINGS, scheme: "basic", status: 200 };
    assertEquals(gate.passages.at(-1), way);
  });

  itWithPrograms(
    ["bash", "npm"],
    "gives npm its registry's token",
    async () => {
      const { code, stdout, stderr } = await ran(lineWith("_authToken"));
      assertEquals([code, stdout], [0, "ada\n"], stderr);
      const asked = gate.passages.filter(({ path }) => path === "/-/whoami");
      assertEquals(asked, [{
        path: "/-/whoami",
        scheme: "bearer",
        status: 200,
      }]);
    },
  );

  itWithPrograms(["bash"], "gives sh a dotenv file of one's own", async () => {
    const { code, stdout, stderr } = await ran(lineWith(".env"));
    assertEquals([code, stdout, stderr], [0, "", ""]);
    assertEquals(home.mode(".env"), "0600");
    const script = '. ./.env && printf %s "$NANO_TOKEN"';
    const sourced = await new Child("/bin/sh", ["-c", script], {
      cwd: home.path,
    }).end();
    assertEquals([sourced.code, sourced.stdout], [0, service.token]);
  });

  itWithPrograms(["bash"], "gives GitHub's runner what to hide", async () => {
    const { code, stdout } = await ran(lineWith("add-mask"));
    assertEquals([code, stdout], [0, `::add-mask::${service.token}\n`]);
  });
});

describe("token --format", () => {
  let service: Service;
  let home: Home;
  beforeAll(async () => {
    service = await Service.start();
    home = await service.homeWith();
  });
  afterAll(async () => {
    home[Symbol.dispose]();
    await service.stop();
  });

  const format = (text: string): string[] => ["token", "--format", text];

  it("prints all that is known of a stored login", async () => {
    const { hostname, host } = new URL(service.url);
    const { stdout } = await run(
      format(
        "{{{profile}}} {service}\\t{url}\\n{host} {hostname} {username} {expires_at}",
      ),
      { home },
    );
    const [first, second = ""] = stdout.split("\n");
    assertEquals(first, `{default} nanoservices\t${service.url}`);
    assert(second.startsWith(`${host} ${hostname} ada `), second);
    assertMatch(second, / \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("knows no user name of a token from elsewhere", async () => {
    const env = { ...service.env, NANOSERVICES_TOKEN: service.token };
    const { stdout } = await run(format("{token}[{expires_at}]"), { env });
    assertEquals(stdout, `${service.token}[]\n`);
    const unknown = await run(format("{token} {username}"), { env });
    assertFailure(unknown, {
      exit: 2,
      code: "usage",
      message: /^--format has \{username\}, and the user name of this token /,
      hint: /^write the name itself; /,
      secret: service.token,
    });
  });

  it("is not for --json", async () => {
    const args = [...format("{token}"), "--json"];
    assertJsonFailure(await run(args, { home }), {
      exit: 2,
      code: "usage",
      message: /^--format and --json both say what to print$/,
      hint: /^give one of them$/,
      secret: service.token,
    });
  });

  it("takes nothing but fields in braces", async () => {
    const result = await run(format("{token} {password}"), { home });
    assertFailure(result, {
      exit: 2,
      code: "usage",
      message: /^--format names the field \{password\}, which there is not$/,
      hint:
        /^the fields are \{token\}, \{url\}, \{host\}, \{hostname\}, \{username\}, \{profile\}, \{service\}, \{expires_at\}$/,
    });
  });
});
