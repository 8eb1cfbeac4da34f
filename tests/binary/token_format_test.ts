import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFailure,
  assertJsonFailure,
  Home,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";

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
