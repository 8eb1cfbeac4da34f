import { assertEquals, assertFalse } from "@std/assert";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  CREDENTIALS,
  Home,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { FakeHelper, PATH, tokenOf } from "../support/store_files.ts";

const TOKEN = "nano_0123456789abcdef";

/** A working folder in which someone has put programs. */
let planted: Home;

beforeEach(() => {
  planted = new Home();
  Deno.mkdirSync(planted.at("bin"));
});
afterEach(() => planted[Symbol.dispose]());

/** Puts a program there that leaves a file when it runs. */
function plant(path: string): void {
  const script = `#!/bin/sh\necho "$0" > '${planted.at("RAN")}'\n`;
  Deno.writeTextFileSync(planted.at(path), script, { mode: 0o755 });
}

function hasRun(): boolean {
  return planted.entries().includes("RAN");
}

describe("exec", () => {
  const env = { NANOSERVICES_TOKEN: TOKEN };
  const entries: [name: string, path: string, at: string, shown: string][] = [
    ["empty first", `:${PATH}`, "tool", "./tool"],
    ["empty last", `${PATH}:`, "tool", "./tool"],
    ["empty in the middle", `/usr/bin::/bin`, "tool", "./tool"],
    ["dot", `.:${PATH}`, "tool", "./tool"],
    ["relative", `bin:${PATH}`, "bin/tool", "bin/tool"],
    ["only", ".", "tool", "./tool"],
  ];
  for (const [name, path, at, shown] of entries) {
    it(`does not run what only an entry of PATH finds that is ${name}; the hint does`, async () => {
      plant(at);
      const options = { cwd: planted.path, env: { ...env, PATH: path } };
      const hint = await assertFails(["exec", "--", "tool"], options, {
        exit: 127,
        code: "command_not_found",
        message:
          /^the command tool is only in an empty or relative entry of PATH, which is not used$/,
        hint: /^name it by its path: nanoctl exec -- \S+tool$/,
        secret: TOKEN,
      });
      assertFalse(hasRun());
      assertEquals(hint.split(" ").at(-1), shown);
      const { code } = await run(["exec", "--", shown], options);
      assertEquals([code, hasRun()], [0, true]);
    });
  }

  it("passes such entries by, and runs what an absolute one has", async () => {
    plant("sh");
    const { code, stdout } = await run(
      ["exec", "--", "sh", "-c", 'echo "$0" "$1"', "a", "b c"],
      { cwd: planted.path, env: { ...env, PATH: `:.:${PATH}` } },
    );
    assertEquals([code, stdout, hasRun()], [0, "a b c\n", false]);
  });

  it("finds what is nowhere in no entry, and names no path", async () => {
    await assertFails(["exec", "--", "tool"], {
      cwd: planted.path,
      env: { ...env, PATH: `:.:bin:${PATH}` },
    }, {
      exit: 127,
      code: "command_not_found",
      message: /^the command tool was not found$/,
    });
  });

  it("passes by what can't be run: a text, a folder, a broken link", async () => {
    const at = (path: string): string => planted.at(path);
    for (const folder of ["a", "b", "c", "d"]) Deno.mkdirSync(at(folder));
    Deno.writeTextFileSync(at("a/tool"), "a text");
    Deno.mkdirSync(at("b/tool"));
    Deno.symlinkSync(at("nowhere"), at("c/tool"));
    plant("d/tool");
    const path = ["a", "b", "c", "d"].map(at).join(":");
    const { code } = await run(["exec", "--", "tool"], {
      env: { ...env, PATH: path },
    });
    assertEquals(code, 0);
    assertEquals(Deno.readTextFileSync(at("RAN")), `${at("d/tool")}\n`);
  });
});

describe("a credential helper", () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  /** A first login whose key goes to a helper, in the folder with the planted one. */
  async function login(
    home: Home,
    source: string,
    env: Record<string, string>,
  ): ReturnType<typeof run> {
    return await run(
      ["login", "--token-stdin", "--save", "--key-source", source],
      {
        home,
        cwd: planted.path,
        env: { ...service.env, ...env },
        stdin: service.token,
      },
    );
  }

  const NAMED =
    /^docker-credential-\w+ is only in an empty or relative entry of PATH, which is not used$/;
  const HINT = /^put the absolute path of its folder into PATH$/;

  for (const path of [`:${PATH}`, `${PATH}:`, `.:${PATH}`, `bin:${PATH}`]) {
    it(`that is in the working folder alone is not run with PATH=${path}`, async () => {
      using home = new Home();
      const folder = path.startsWith("bin") ? "bin/" : "";
      plant(`${folder}docker-credential-fake`);
      plant(`${folder}docker-credential-pass`);
      const failure = { message: NAMED, hint: HINT };
      assertFailure(await login(home, "helper:fake", { PATH: path }), {
        ...failure,
        exit: 7,
        code: "file_key",
      });
      // Where no other helper is installed.
      const bare = { PATH: path.replace(PATH, home.path) };
      assertFailure(await login(home, "helper", bare), {
        ...failure,
        exit: 2,
        code: "usage",
      });
      assertFalse(hasRun());
      assertFalse(home.entries().includes(CREDENTIALS));
    });
  }

  it("is not run to open a token either, and the one of an absolute entry is", async () => {
    using helper = new FakeHelper();
    using home = await service.homeWith(
      helper.env,
      "--key-source",
      "helper:fake",
    );
    plant("docker-credential-fake");
    const cwd = planted.path;
    await assertFails(["token"], { home, cwd, env: { PATH: `:${PATH}` } }, {
      exit: 7,
      code: "file_key",
      message: NAMED,
      hint: HINT,
    });
    const env = { ...helper.env, PATH: `:.:${helper.env.PATH}` };
    const { stdout } = await run(["token"], { home, cwd, env });
    assertEquals([stdout, hasRun()], [`${service.token}\n`, false]);
    assertEquals(await tokenOf(home, helper.env), service.token);
  });
});
