import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  type ArchivedFile,
  tarGz,
  zip,
} from "../../../scripts/release/archive.ts";

const DATE = 1_700_000_000;

function file(path: string, text: string, executable = false): ArchivedFile {
  return { path, bytes: new TextEncoder().encode(text), executable };
}

const FILES = [
  file("a-folder/program", "#!/bin/sh\necho runs\n", true),
  file("a-folder/LICENSE", "x".repeat(513)),
  file("a-folder/empty", ""),
  file("a-folder/naïve.md", "é\n"),
];

const onPosix = Deno.build.os === "windows" ? it.skip : it;

describe("an archive", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl-archive-" });
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  async function unpack(
    content: Uint8Array,
    command: string,
    args: string[],
  ): Promise<void> {
    await Deno.writeFile(`${folder}/archive`, content);
    const { success, stderr } = await new Deno.Command(command, {
      args,
      cwd: folder,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  }

  async function assertUnpacked(): Promise<void> {
    for (const { path, bytes, executable } of FILES) {
      const { mode, mtime } = await Deno.stat(`${folder}/${path}`);
      assertEquals(await Deno.readFile(`${folder}/${path}`), bytes);
      assertEquals((mode ?? 0) & 0o777, executable ? 0o755 : 0o644, path);
      assertEquals((mtime?.getTime() ?? 0) / 1000, DATE, path);
    }
  }

  onPosix("in tar holds what was put in, with modes and date", async () => {
    const content = await tarGz({ files: FILES, mtime: DATE });
    await unpack(content, "tar", ["-xzpf", "archive"]);
    await assertUnpacked();
  });

  onPosix("in tar belongs to nobody in particular", async () => {
    const content = await tarGz({ files: FILES, mtime: DATE });
    await Deno.writeFile(`${folder}/archive`, content);
    const { stdout } = await new Deno.Command("tar", {
      args: ["-tvzf", `${folder}/archive`, "--numeric-owner"],
    }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(lines.length, FILES.length);
    for (const line of lines) assert(/ 0[/ ]+0 /.test(line), line);
  });

  onPosix("in zip holds what was put in, with modes and date", async () => {
    const content = await zip({ files: FILES, mtime: DATE });
    // Python checks the sums; what it extracts has neither mode nor date.
    const script = `
import datetime, os, zipfile
with zipfile.ZipFile("archive") as z:
    assert z.testzip() is None
    for i in z.infolist():
        path = z.extract(i)
        os.chmod(path, i.external_attr >> 16 & 0o777)
        t = datetime.datetime(*i.date_time, tzinfo=datetime.timezone.utc).timestamp()
        os.utime(path, (t, t))
`;
    await unpack(content, "python3", ["-c", script]);
    await assertUnpacked();
  });

  it("is the same whatever the order of its files", async () => {
    for (const make of [tarGz, zip]) {
      const one = await make({ files: FILES, mtime: DATE });
      const other = await make({ files: FILES.toReversed(), mtime: DATE });
      assertEquals(one, other);
    }
  });

  it("changes with its date, and with a mode", async () => {
    const [first, ...rest] = FILES;
    const plain = [{ ...first!, executable: false }, ...rest];
    for (const make of [tarGz, zip]) {
      const one = await make({ files: FILES, mtime: DATE });
      const later = await make({ files: FILES, mtime: DATE + 2 });
      const other = await make({ files: plain, mtime: DATE });
      assert(String(one) !== String(later));
      assert(String(one) !== String(other));
    }
  });

  it("in tar has neither name nor time in its gzip header", async () => {
    const content = await tarGz({ files: FILES, mtime: DATE });
    // Magic, deflate, no flags, no time.
    assertEquals([...content.slice(0, 8)], [31, 139, 8, 0, 0, 0, 0, 0]);
  });

  it("is refused where the format has no room", async () => {
    const long = [file("a/".repeat(60), "")];
    await assertRejects(
      async () => await tarGz({ files: long, mtime: DATE }),
      RangeError,
    );
    await assertRejects(
      async () => await zip({ files: FILES, mtime: 0 }),
      RangeError,
    );
  });
});
