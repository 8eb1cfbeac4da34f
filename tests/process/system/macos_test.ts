import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { findBrowser } from "../../../src/process/browser.ts";
import { macos } from "../../../src/process/system/macos.ts";
import { ownSystem, systemOf } from "../../../src/process/system/systems.ts";
import { unix } from "../../../src/process/system/unix.ts";
import { configFolder, dataFolder } from "../../../src/store/paths.ts";
import { FakeContext } from "../../support/fake_context.ts";

describe("macOS", () => {
  it("has the folders of any Unix", () => {
    const place = {
      env: {
        get: (name: string) => name === "HOME" ? "/Users/ada" : undefined,
      },
      os: "darwin",
    };
    assertEquals(configFolder(place)?.path, "/Users/ada/.config/nanoctl");
    assertEquals(dataFolder(place)?.path, "/Users/ada/.local/share/nanoctl");
  });

  it("keeps keys in its keychain, and the authorities to itself", () => {
    assertEquals(macos.keyHelpers, ["osxkeychain"]);
    assert(macos.keepsAuthorities);
    assertEquals(unix.keepsAuthorities, false);
  });

  it("opens a page by its own program, without a display's variables", async () => {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl_open" });
    try {
      await Deno.writeTextFile(`${folder}/open`, "", { mode: 0o755 });
      const env = { PATH: folder };
      assertEquals(findBrowser(new FakeContext({ env, os: "darwin" })), {
        path: `${folder}/open`,
        args: [],
      });
      assertEquals(findBrowser(new FakeContext({ env })), undefined);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

/** What a disk says when it is to write a file through. */
function syncing(error?: Error): () => void {
  return () => {
    if (error) throw error;
  };
}

describe("on macOS a file system that can't write through", () => {
  for (const code of ["ENOTSUP", "ENOTTY", "EINVAL"]) {
    it(`is taken as it is: ${code}`, () => {
      const error = Object.assign(new Error("not supported"), { code });
      macos.sync({ syncSync: syncing(error) });
      assertThrows(() => unix.sync({ syncSync: syncing(error) }));
    });
  }

  it("is no disk that fails", () => {
    for (const code of ["EIO", "ENOSPC", undefined]) {
      const error = Object.assign(new Error("failed"), { code });
      assertThrows(() => macos.sync({ syncSync: syncing(error) }));
    }
  });
});

describe("a system of which nothing is known", () => {
  it("is like Linux", () => {
    assertEquals(systemOf("freebsd"), unix);
  });

  it("is not this one", () => {
    assertEquals(systemOf(Deno.build.os), ownSystem);
  });
});
