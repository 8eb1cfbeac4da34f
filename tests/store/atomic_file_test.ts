import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import { removeLeftovers, writeAtomic } from "../../src/store/atomic_file.ts";
import { observed } from "./observed_file_system.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text);

describe("writeAtomic", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = Deno.makeTempDirSync();
    path = join(folder, "file");
    Deno.writeTextFileSync(path, "old");
  });
  afterEach(() => Deno.removeSync(folder, { recursive: true }));
  const names = (): string[] =>
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

  it("replaces the content and leaves nothing else", () => {
    writeAtomic(Deno, path, bytes("new"));
    assertEquals(Deno.readTextFileSync(path), "new");
    assertEquals(names(), ["file"]);
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  });

  it("syncs the file before it renames it, and the folder after", () => {
    const calls: string[] = [];
    writeAtomic(
      observed({ after: (call) => calls.push(call) }),
      path,
      bytes("new"),
    );
    assertEquals(calls, ["open", "write", "sync", "rename", "open", "sync"]);
  });

  it("goes on where the system takes a few bytes at a time", () => {
    writeAtomic(observed({ writeLimit: 3 }), path, bytes("a longer text"));
    assertEquals(Deno.readTextFileSync(path), "a longer text");
  });

  for (const call of ["open", "write", "sync", "rename"]) {
    it(`leaves the old content when ${call} fails, and nothing else`, () => {
      const full = observed({
        before: (now) => {
          if (now === call) {
            throw new Error("No space left on device (os error 28)");
          }
        },
      });
      const error = assertThrows(
        () => writeAtomic(full, path, bytes("new")),
        NanoctlError,
        "no space left on device",
      );
      assertEquals(error.code, "file_unwritable");
      assertEquals(Deno.readTextFileSync(path), "old");
      assertEquals(names(), ["file"]);
    });
  }

  it("is content where a folder can't be synced", () => {
    let opened = 0;
    const noFolderSync = observed({
      before: (call) => {
        if (call === "open" && ++opened === 2) throw new Error("not here");
      },
    });
    writeAtomic(noFolderSync, path, bytes("new"));
    assertEquals(Deno.readTextFileSync(path), "new");
  });

  it("removes leftovers of its own file only", () => {
    for (const name of [".file.1.tmp", ".other.1.tmp", ".file.1.txt"]) {
      Deno.writeTextFileSync(join(folder, name), "");
    }
    removeLeftovers(Deno, path);
    assertEquals(names(), [".file.1.txt", ".other.1.tmp", "file"]);
  });
});
