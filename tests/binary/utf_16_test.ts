import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFails, Home, KEY, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  readStored,
  someKey,
  succeed,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";
import { joined, POWERSHELL, utf16, UTF_16 } from "../support/utf_16.ts";

/** A file in damaged UTF-16, whatever it should hold. */
const DAMAGED = {
  message:
    /looks like UTF-16, but is cut short or mixed with another encoding$/,
  hint: /^write it anew in UTF-8: in PowerShell with '\| Set-Content -Encod/,
};

describe("in UTF-16", () => {
  let service: Service;
  let file = "";
  let folder: Home;

  beforeAll(async () => {
    service = await Service.start();
    folder = new Home();
    file = folder.at("file");
  });
  afterAll(async () => {
    folder[Symbol.dispose]();
    await service.stop();
  });

  const ways: {
    name: string;
    args: () => string[];
    env?: () => Record<string, string>;
    byPipe?: true;
  }[] = [
    { name: "--token-file", args: () => ["whoami", "--token-file", file] },
    {
      name: "NANOSERVICES_TOKEN_FILE",
      args: () => ["whoami"],
      env: () => ({ NANOSERVICES_TOKEN_FILE: file }),
    },
    {
      name: "--token-file -",
      args: () => ["whoami", "--token-file", "-"],
      byPipe: true,
    },
    {
      name: "--token-stdin",
      args: () => ["login", "--token-stdin"],
      byPipe: true,
    },
    {
      name: "--agent-token-file",
      args: () => ["api", "/v1/me", "--agent-token-file", file],
    },
    {
      name: "NANOSERVICES_AGENT_TOKEN_FILE",
      args: () => ["api", "/v1/me"],
      env: () => ({ NANOSERVICES_AGENT_TOKEN_FILE: file }),
    },
  ];
  for (const { name, args, env, byPipe } of ways) {
    it(`a token is read by ${name}`, async () => {
      for (const way of UTF_16) {
        const bytes = utf16(`${service.token}\r\n`, way);
        Deno.writeFileSync(file, bytes);
        const { code, stderr } = await service.run(
          args(),
          folder,
          env?.(),
          byPipe ? bytes : undefined,
        );
        assertEquals(code, 0, `${way.name}: ${stderr}`);
      }
    });

    it(`a damaged token is named by ${name}, and not sent`, async () => {
      const bytes = utf16(service.token, POWERSHELL).slice(0, -1);
      Deno.writeFileSync(file, bytes);
      const requests = await service.requestsDuring(() =>
        assertFails(args(), {
          home: folder,
          env: { ...service.env, ...env?.() },
          ...(byPipe ? { stdin: bytes } : {}),
        }, {
          ...DAMAGED,
          exit: 4,
          code: "token_invalid",
          secret: service.token,
        })
      );
      assertEquals(requests, []);
    });
  }

  it("a token of the greatest length is sent whole, and a longer one is not", async () => {
    for (const [length, says] of [[16_384, "refused"], [16_385, "longer"]]) {
      const text = `${"x".repeat(Number(length))}\r\n`;
      for (const way of UTF_16) {
        Deno.writeFileSync(file, utf16(text, way));
        const { stdout, stderr } = await run(["token", "--token-file", file], {
          home: folder,
        });
        if (says === "longer") assertStringIncludes(stderr, "is longer than");
        else assertEquals(stdout.length, 16_385, stderr);
      }
    }
  });

  const secrets: [variable: string, text: string][] = [
    ["NANOCTL_PASSPHRASE", "correct horse battery"],
    ["NANOCTL_ENCRYPTION_KEY", someKey()],
  ];
  for (const [variable, text] of secrets) {
    it(`the file of ${variable} is read, and damaged it is named`, async () => {
      using home = await service.homeWith({ [variable]: text });
      const env = { [`${variable}_FILE`]: file };
      for (const way of UTF_16) {
        Deno.writeFileSync(file, utf16(`${text}\r\n`, way));
        assertEquals(await tokenOf(home, env), service.token, way.name);
      }
      Deno.writeFileSync(file, utf16(text, POWERSHELL).slice(0, -1));
      await assertFails(["token"], { home, env }, {
        ...DAMAGED,
        exit: 7,
        code: "file_key",
        secret: text,
      });
    });
  }

  it("a passphrase is read that has more than ASCII in it", async () => {
    const passphrase = "grüße, 世界";
    using home = await service.homeWith({ NANOCTL_PASSPHRASE: passphrase });
    Deno.writeFileSync(file, utf16(`${passphrase}\r\n`, POWERSHELL));
    const env = { NANOCTL_PASSPHRASE_FILE: file };
    assertEquals(await tokenOf(home, env), service.token);
  });

  it("a key file is read, and a new key goes into it", async () => {
    for (const way of UTF_16) {
      using home = await service.homeWith();
      const text = Deno.readTextFileSync(home.at(KEY));
      writePrivate(home.at(KEY), utf16(text.replace("\n", "\r\n"), way));
      assertEquals(await tokenOf(home), service.token, way.name);
      const before = readStored(home).key.id;
      await succeed(["store", "rekey"], { home });
      assertEquals(await tokenOf(home), service.token, way.name);
      assertEquals(readStored(home).key.id === before, false);
      assertStringIncludes(Deno.readTextFileSync(home.at(KEY)), text);
    }
  });

  it("a damaged key file is named, and stays as it is", async () => {
    using home = await service.homeWith();
    const key = Deno.readFileSync(home.at(KEY));
    const added = utf16(`${someKey()}\r\n`, { ...POWERSHELL, mark: false });
    const bytes = joined(key, added);
    writePrivate(home.at(KEY), bytes);
    for (const args of [["token"], ["store", "rekey"]]) {
      await assertFails(args, { home }, {
        ...DAMAGED,
        exit: 7,
        code: "file_key",
      });
    }
    assertEquals(Deno.readFileSync(home.at(KEY)), bytes);
  });
});
