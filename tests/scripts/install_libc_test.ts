import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sha256 } from "../../scripts/process.ts";
import { tar, tarGz } from "../../scripts/release/archive.ts";
import { xz } from "../../scripts/release/xz.ts";
import {
  type Answer,
  archiveOf,
  bytes,
  CURL,
  Downloads,
  Place,
  program,
  release,
  TARGET,
  which,
} from "../support/install_place.ts";
import { itNeeding } from "../support/needs.ts";
import { IS_ROOT, programs } from "../support/store_files.ts";

const onLinux = Deno.build.os === "linux" ? describe : describe.skip;

const ROOT_ARCHIVE = `nanoctl-0.2.0-${TARGET}-root.tar.gz`;
const PLAIN_ARCHIVE = `nanoctl-0.2.0-${TARGET}.tar.gz`;

/** As musl's loader answers to --version: it knows no such option. */
const MUSL =
  "#!/bin/sh\nprintf 'musl libc (x86_64)\\nVersion 1.2.3\\n' >&2\nexit 1\n";
const GLIBC = "#!/bin/sh\necho 'ldd (Debian GLIBC 2.36-9) 2.36'\n";

/** A release with both archives; the program in the larger one ends with this code. */
async function withLibraries(exitCode = 0): Promise<Record<string, Answer>> {
  const text = (path: string, content: string) => ({
    path,
    bytes: bytes(content),
    executable: false,
  });
  const content = await tarGz({
    files: [
      text("lib64/ld-linux-x86-64.so.2", "loader"),
      text("usr/lib/x86_64-linux-gnu/libc.so.6", "libc"),
      text("usr/lib/x86_64-linux-gnu/libm.so.6", "libm"),
      text("usr/share/doc/nanoctl/libraries/README", "whose they are"),
      text("etc/passwd", "not ours"),
      {
        path: "usr/local/bin/nanoctl",
        bytes: program("nanoctl 0.2.0", exitCode),
        executable: true,
      },
    ],
    mtime: 0,
  });
  const files = await release("0.2.0");
  return {
    ...files,
    [ROOT_ARCHIVE]: content,
    SHA256SUMS: `${files["SHA256SUMS"]}${await sha256(
      content,
    )}  ${ROOT_ARCHIVE}\n`,
  };
}

/** A place whose ldd is this one, and which has a system for libraries. */
function placeWith(ldd: string): { place: Place; env: Record<string, string> } {
  const place = new Place(CURL);
  Deno.writeTextFileSync(`${place.path}/tools/ldd`, ldd, { mode: 0o755 });
  Deno.mkdirSync(`${place.path}/tools/system`);
  return { place, env: { NANOCTL_INSTALL_ROOT: `${place.path}/tools/system` } };
}

onLinux("install.sh on a system with musl", () => {
  it("puts glibc beside it, and the program where it belongs", async () => {
    await using downloads = new Downloads(await withLibraries());
    const { place, env } = placeWith(MUSL);
    using _ = place;
    const root = env["NANOCTL_INSTALL_ROOT"];
    await Deno.mkdir(`${root}/usr/lib/x86_64-linux-gnu`, { recursive: true });
    await Deno.writeTextFile(
      `${root}/usr/lib/x86_64-linux-gnu/libm.so.6`,
      "own",
    );
    const { code, stdout, stderr } = await place.run(downloads.url, [], env);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(
      stdout,
      `Downloading ${downloads.url}/${ROOT_ARCHIVE}\n`,
    );
    assertStringIncludes(stdout, `  with glibc in ${root}\n`);
    const files = place.news().filter((path) =>
      Deno.statSync(path).isFile && !path.endsWith("/ldd")
    );
    assertEquals(files, [
      `${place.path}/home/.local/bin/nanoctl`,
      `${root}/lib64/ld-linux-x86-64.so.2`,
      `${root}/usr/lib/x86_64-linux-gnu/libc.so.6`,
      `${root}/usr/lib/x86_64-linux-gnu/libm.so.6`,
      `${root}/usr/share/doc/nanoctl/libraries/README`,
    ]);
    // What was there stays.
    const libm = await Deno.readTextFile(files[3] ?? "");
    assertEquals(libm, "own");
  });

  it("takes the plain archive where glibc is there already", async () => {
    await using downloads = new Downloads(await withLibraries());
    const { place, env } = placeWith(MUSL);
    using _ = place;
    await Deno.mkdir(`${env["NANOCTL_INSTALL_ROOT"]}/lib64`);
    await Deno.writeTextFile(
      `${env["NANOCTL_INSTALL_ROOT"]}/lib64/ld-linux-x86-64.so.2`,
      "",
    );
    const { code, stdout } = await place.run(downloads.url, [], env);
    assertEquals(code, 0);
    assertStringIncludes(stdout, `/${PLAIN_ARCHIVE}\n`);
  });

  it("takes glibc away again if the program does not run all the same", async () => {
    await using downloads = new Downloads(await withLibraries(127));
    const { place, env } = placeWith(MUSL);
    using _ = place;
    const before = place.entries();
    const { code, stderr } = await place.run(downloads.url, [], env);
    assertEquals([code, place.entries()], [1, before]);
    assertStringIncludes(stderr, "does not run on this machine");
  });

  it("says that a release has no archive with glibc", async () => {
    await using downloads = await Downloads.of("0.2.0");
    const { place, env } = placeWith(MUSL);
    using _ = place;
    const { code, stderr } = await place.run(downloads.url, [], env);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `lists no nanoctl for ${TARGET} with glibc\n`);
  });

  const setpriv = which("setpriv");
  (IS_ROOT && !setpriv ? it.skip : it)(
    "says what to do where it may not, before it downloads",
    async () => {
      await using downloads = new Downloads(await withLibraries());
      const { place, env } = placeWith(MUSL);
      using _ = place;
      await Deno.chmod(`${env["NANOCTL_INSTALL_ROOT"]}`, 0o555);
      const prefix = IS_ROOT
        ? [setpriv ?? "", "--reuid=65534", "--regid=65534", "--clear-groups"]
        : [];
      await Deno.chmod(place.path, 0o755);
      const { code, stderr } = await place.run(downloads.url, [], env, prefix);
      assertEquals([code, downloads.asked], [1, []]);
      assertStringIncludes(
        stderr,
        "error: nanoctl needs glibc, and this system has musl\nhint: as root ",
      );
    },
  );
});

onLinux("install.sh on a system with glibc", () => {
  it("takes the archive without it", async () => {
    await using downloads = new Downloads(await withLibraries());
    const { place, env } = placeWith(GLIBC);
    using _ = place;
    const { code, stdout } = await place.run(downloads.url, [], env);
    assertEquals(code, 0);
    assertStringIncludes(stdout, `/${PLAIN_ARCHIVE}\n`);
    assert(!stdout.includes("with glibc"), stdout);
  });
});

onLinux("install.sh with xz", () => {
  const missing = programs("xz")();
  const archive = `nanoctl-0.2.0-${TARGET}.tar.xz`;
  const machine = {
    ...CURL,
    tools: { ...CURL.tools, xz: which("xz") ?? "/nonexistent" },
  };

  async function both(content: Uint8Array<ArrayBuffer>): Promise<Downloads> {
    const files = await release(
      "0.2.0",
      await archiveOf("0.2.0", program("large")),
    );
    return new Downloads({
      ...files,
      [archive]: content,
      SHA256SUMS: `${files["SHA256SUMS"]}${await sha256(
        content,
      )}  ${archive}\n`,
    });
  }

  function small(): Promise<Uint8Array<ArrayBuffer>> {
    const files = [{
      path: `nanoctl-0.2.0-${TARGET}/nanoctl`,
      bytes: program("small"),
      executable: true,
    }];
    return xz(tar({ files, mtime: 0 }), true);
  }

  itNeeding(missing, "takes the smaller archive", async () => {
    await using downloads = await both(await small());
    using place = new Place(machine);
    const { code, stdout, stderr } = await place.run(downloads.url);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "Installed small\n");
    assert(!downloads.asked.includes(PLAIN_ARCHIVE), `${downloads.asked}`);
  });

  it("takes the other one without it", async () => {
    await using downloads = await both(bytes("not even asked for"));
    using place = new Place(CURL);
    const { code, stdout } = await place.run(downloads.url);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "Installed large\n");
  });

  itNeeding(missing, "installs nothing that xz cannot unpack", async () => {
    const content = await small();
    await using downloads = await both(content.slice(0, content.length >> 1));
    using place = new Place(machine);
    const { code, stderr } = await place.run(downloads.url);
    assertEquals([code, place.news()], [1, []]);
    assertStringIncludes(stderr, `${archive} has no nanoctl-0.2.0-`);
  });
});
