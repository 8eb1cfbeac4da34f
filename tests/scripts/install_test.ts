import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { tarGz } from "../../scripts/release/archive.ts";
import { Authority, type Identity } from "../support/certificates.ts";
import {
  type Answer,
  ARCHIVE,
  archiveOf,
  bytes,
  CURL,
  Downloads,
  MACHINES,
  Place,
  program,
  release,
  SCRIPT,
  SUMMER,
  TARGET,
  TOOLS,
  which,
} from "../support/install_place.ts";
import { deadUrl } from "../support/servers.ts";

/** A download that goes wrong: what there is to download, and what is said about it. */
interface Trouble {
  files(): Promise<Record<string, Answer>>;
  says: string;
}

const PAGE = "<!DOCTYPE html><title>Sign in</title>\n";

function cutShort(content: Uint8Array<ArrayBuffer>): () => Response {
  return () => {
    const half = content.slice(0, content.length >> 1);
    const body = new ReadableStream({
      start(controller): void {
        controller.enqueue(half);
        controller.close();
      },
    });
    return new Response(body, {
      headers: { "content-length": String(content.length) },
    });
  };
}

const TROUBLES: Record<string, Trouble> = {
  "a corrupt archive": {
    files: async () => {
      const files = await release("0.2.0");
      const archive = await archiveOf("0.2.0");
      archive[archive.length >> 1]! ^= 1;
      return { ...files, [ARCHIVE]: archive };
    },
    says: `${ARCHIVE} is not what SHA256SUMS says`,
  },
  "a wrong sum": {
    files: async () => ({
      ...await release("0.2.0"),
      SHA256SUMS: `${"a".repeat(64)}  ${ARCHIVE}\n`,
    }),
    says: `, not ${"a".repeat(64)}`,
  },
  "an archive that is missing": {
    files: async () => ({
      SHA256SUMS: (await release("0.2.0"))["SHA256SUMS"] ?? "",
    }),
    says: `${ARCHIVE} cannot be downloaded`,
  },
  "no SHA256SUMS": {
    files: async () => ({ [ARCHIVE]: await archiveOf("0.2.0") }),
    says: "/SHA256SUMS cannot be downloaded",
  },
  "an archive that is cut short": {
    files: async () => ({
      ...await release("0.2.0"),
      [ARCHIVE]: cutShort(await archiveOf("0.2.0")),
    }),
    // The wget of busybox takes it; the sum does not.
    says: ARCHIVE,
  },
  "a web page instead of the archive": {
    files: async () => ({ ...await release("0.2.0"), [ARCHIVE]: PAGE }),
    says: `${ARCHIVE} is not what SHA256SUMS says`,
  },
  "a web page instead of SHA256SUMS": {
    files: () => Promise.resolve({ SHA256SUMS: PAGE }),
    says: "/SHA256SUMS is no list of SHA-256 sums",
  },
  "SHA256SUMS without a line for this machine": {
    files: () =>
      Promise.resolve({
        SHA256SUMS: `${"0".repeat(64)}  nanoctl-0.2.0-plan9-x64.tar.gz\n`,
      }),
    says: `/SHA256SUMS lists no nanoctl for ${TARGET}`,
  },
  "SHA256SUMS that names a file elsewhere": {
    files: () =>
      Promise.resolve({
        SHA256SUMS: `${"0".repeat(64)}  nanoctl-/../../x-${TARGET}.tar.gz\n`,
      }),
    says: `lists no nanoctl for ${TARGET}`,
  },
  "an archive without the program": {
    files: async () =>
      await release(
        "0.2.0",
        await tarGz({
          files: [{ path: "README.md", bytes: bytes("x"), executable: false }],
          mtime: 0,
        }),
      ),
    says: `${ARCHIVE} has no nanoctl-0.2.0-${TARGET}/nanoctl in it`,
  },
  "a right sum of what is no archive": {
    files: async () => await release("0.2.0", bytes(PAGE)),
    says: `${ARCHIVE} has no nanoctl-0.2.0-${TARGET}/nanoctl in it`,
  },
  "a program that does not run here": {
    files: async () =>
      await release("0.2.0", await archiveOf("0.2.0", program("", 127))),
    says: `the nanoctl for ${TARGET} does not run on this machine`,
  },
};

const onPosix = Deno.build.os === "windows" ? describe.skip : describe;

for (const [name, machine] of Object.entries(MACHINES)) {
  onPosix(`install.sh with ${name}`, () => {
    it("installs below the home and leaves nothing else", async () => {
      await using downloads = await Downloads.of("0.2.0");
      using place = new Place(machine);
      const { code, stdout, stderr } = await place.run(downloads.url);
      assertEquals([code, stderr], [0, ""]);
      const bin = `${place.path}/home/.local/bin`;
      assertEquals(
        stdout,
        [
          `Downloading ${downloads.url}/${ARCHIVE}`,
          "  Checked by its sum only: it is not known who signs.",
          "Installed nanoctl 0.2.0",
          `  as ${bin}/nanoctl`,
          `  That folder is not on your PATH; add it: PATH="${bin}:$PATH"`,
          "",
        ].join("\n"),
      );
      assertEquals(place.news(), [
        `${place.path}/home/.local`,
        bin,
        `${bin}/nanoctl`,
      ]);
      const { mode } = await Deno.stat(`${bin}/nanoctl`);
      assertEquals((mode ?? 0) & 0o777, 0o755);
    });

    it("replaces an older one, and says both versions", async () => {
      await using downloads = await Downloads.of("0.2.0");
      using place = new Place(machine);
      const bin = `${place.path}/home/bin`;
      await Deno.mkdir(bin);
      await Deno.writeFile(`${bin}/nanoctl`, program("nanoctl 0.1.0"), {
        mode: 0o755,
      });
      const { code, stdout } = await place.run(
        downloads.url,
        ["--to", bin],
        { PATH: `${place.path}/tools:${bin}` },
      );
      assertEquals(code, 0);
      assertStringIncludes(
        stdout,
        `Installed nanoctl 0.2.0\n  instead of nanoctl 0.1.0\n  as ${bin}/nanoctl\n`,
      );
      assert(!stdout.includes("PATH"), stdout);
      assertEquals(place.news(), [bin, `${bin}/nanoctl`]);
    });

    it("follows redirects on loopback", async () => {
      await using downloads = await Downloads.of("0.2.0");
      const moved = (file: string) => () =>
        Response.redirect(`${downloads.url}/${file}`, 302);
      await using front = new Downloads({
        "latest/SHA256SUMS": moved("SHA256SUMS"),
        [`latest/${ARCHIVE}`]: moved(ARCHIVE),
      });
      using place = new Place(machine);
      const { code, stderr } = await place.run(`${front.url}/latest/`);
      assertEquals([code, stderr], [0, ""]);
    });

    for (const [what, { files, says }] of Object.entries(TROUBLES)) {
      it(`leaves nothing behind after ${what}`, async () => {
        await using downloads = new Downloads(await files());
        using place = new Place(machine);
        const { code, stderr } = await place.run(downloads.url);
        assertEquals(place.news(), []);
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, says);
        assertEquals(stderr.match(/^error: /gm)?.length, 1, stderr);
        assertMatch(stderr, /^(error: .*\n)(hint: .*\n)?$/);
      });
    }

    // Only Linux has all of 127.0.0.0/8 without being asked.
    (Deno.build.os === "linux" ? it : it.skip)(
      "follows no redirect to plain http elsewhere",
      async () => {
        const files = await release("0.2.0");
        // As good as another machine: the script knows 127.0.0.1 alone.
        await using other = new Downloads(files, undefined, "127.0.0.2");
        await using downloads = new Downloads({
          ...files,
          [ARCHIVE]: () => Response.redirect(`${other.url}/${ARCHIVE}`, 302),
        });
        using place = new Place(machine);
        const { code, stderr } = await place.run(downloads.url);
        assertEquals([code, place.news()], [1, []]);
        assertStringIncludes(
          stderr,
          `leads to ${other.url}/${ARCHIVE}, which is not https`,
        );
      },
    );

    it("leaves an older one as it was when the download is bad", async () => {
      const { files } = TROUBLES["a corrupt archive"]!;
      await using downloads = new Downloads(await files());
      using place = new Place(machine);
      const old = `${place.path}/home/nanoctl`;
      await Deno.writeFile(old, program("nanoctl 0.1.0"), { mode: 0o755 });
      const { code } = await place.run(downloads.url, [
        "--to",
        `${place.path}/home`,
      ]);
      assertEquals(code, 1);
      assertEquals(await Deno.readFile(old), program("nanoctl 0.1.0"));
      assertEquals(place.news(), [old]);
    });

    it("leaves nothing behind when nobody answers", async () => {
      using place = new Place(machine);
      const { code, stderr } = await place.run(deadUrl());
      assertEquals([code, place.news()], [1, []]);
      assertStringIncludes(stderr, "/SHA256SUMS cannot be downloaded: ");
    });
  });
}

onPosix("install.sh", () => {
  const dead = deadUrl();

  it("is run by a shell that stops at a line it does not know", async () => {
    const text = await Deno.readTextFile(SCRIPT);
    assert(text.startsWith("#!/bin/sh\n"));
    // Cut off anywhere, it does nothing: only the last line starts it.
    assert(text.endsWith('\nmain "$@"\n'));
    const top = text.split("\n").filter((line) => /^[a-z]+ /.test(line));
    assertEquals(top, ["set -eu", 'main "$@"']);
  });

  it("says its usage", async () => {
    using place = new Place(CURL);
    const { code, stdout } = await place.run(dead, ["--help"]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "Usage: install.sh [--to DIR] [--version X]");
  });

  const WRONG_USE: Record<string, [args: string[], env: string, says: string]> =
    {
      "an unknown option": [["--root"], dead, "--root is no option"],
      "an option without its value": [["--to"], dead, "--to wants a value"],
      "a version that is none": [
        ["--version", "../1"],
        dead,
        "../1 is no version",
      ],
      "no address to download from": [
        [],
        "",
        "nobody has said where to download from",
      ],
      "a {version} that is not given": [
        [],
        `${dead}/v{version}`,
        "asks for a version",
      ],
    };

  for (const [what, [args, url, says]] of Object.entries(WRONG_USE)) {
    it(`refuses ${what}`, async () => {
      using place = new Place(CURL);
      const { code, stderr } = await place.run(url, args);
      assertEquals([code, place.news()], [2, []]);
      assertStringIncludes(stderr, says);
    });
  }

  const NOT_SAFE = [
    "http://nano.example.com",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1:80@example.com",
    "http://127.0.0.1?@example.com",
    "http://localhost.example.com:80",
    "http://[::1].example.com",
    "ftp://127.0.0.1",
    "file:///etc",
    "HTTP://example.com",
    "-o/etc/passwd",
  ];

  for (const url of NOT_SAFE) {
    it(`refuses to download from ${url}`, async () => {
      using place = new Place(CURL);
      const { code, stderr } = await place.run(url);
      assertEquals([code, place.news()], [2, []]);
      assertStringIncludes(stderr, `error: ${url} is not `);
    });
  }

  const NO_TOOL: Record<string, [without: string[], says: string]> = {
    "curl and wget": [["curl"], "this needs curl or wget"],
    "a program for sums": [
      [SUMMER],
      "this needs sha256sum, shasum or openssl",
    ],
    tar: [["tar"], "this needs tar, which is not on the PATH"],
  };

  for (const [what, [without, says]] of Object.entries(NO_TOOL)) {
    it(`says that there is no ${what}`, async () => {
      const tools = Object.entries(CURL.tools).filter(([name]) =>
        !without.includes(name)
      );
      using place = new Place({ ...CURL, tools: Object.fromEntries(tools) });
      await using downloads = await Downloads.of("0.2.0");
      const { code, stderr } = await place.run(downloads.url);
      assertEquals([code, place.news()], [1, []]);
      assertStringIncludes(stderr, says);
      assertEquals(downloads.asked, []);
    });
  }

  for (const summer of ["shasum", "openssl"]) {
    const path = which(summer);
    (path ? it : it.skip)(`checks the sum with ${summer}`, async () => {
      const rest = Object.entries(CURL.tools).filter(([name]) =>
        name !== SUMMER
      );
      // shasum is a Perl script.
      const tools = {
        ...Object.fromEntries(rest),
        [summer]: path ?? "",
        perl: which("perl") ?? "/nonexistent",
      };
      for (const [sound, code] of [[true, 0], [false, 1]] as const) {
        const files = sound
          ? await release("0.2.0")
          : await TROUBLES["a wrong sum"]!.files();
        await using downloads = new Downloads(files);
        using place = new Place({ ...CURL, tools });
        const ended = await place.run(downloads.url);
        assertEquals(ended.code, code, ended.stderr);
      }
    });
  }

  const STRANGE: Record<string, string> = {
    "there is no nanoctl for FreeBSD":
      '[ "$1" = -s ] && echo FreeBSD || echo amd64',
    "there is no nanoctl for riscv64":
      '[ "$1" = -s ] && echo Linux || echo riscv64',
  };

  for (const [says, uname] of Object.entries(STRANGE)) {
    it(`says that ${says}`, async () => {
      using place = new Place(CURL);
      const path = `${place.path}/tools/uname`;
      await Deno.remove(path);
      await Deno.writeTextFile(path, `#!/bin/sh\n${uname}\n`, { mode: 0o755 });
      const { code, stderr } = await place.run(dead);
      assertEquals([code, place.news()], [1, []]);
      assertStringIncludes(stderr, says);
    });
  }

  it("takes the folder from the environment, and --to before it", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    const env = { NANOCTL_INSTALL_DIR: `${place.path}/from env` };
    await place.run(downloads.url, [], env);
    assert((await Deno.stat(`${place.path}/from env/nanoctl`)).isFile);
    await place.run(downloads.url, ["--to", "a folder/bin/"], env);
    assert((await Deno.stat(`${place.path}/a folder/bin/nanoctl`)).isFile);
  });

  it("refuses a folder that is a file, before it downloads", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    const to = `${place.path}/tools/tar/bin`;
    const { code, stderr } = await place.run(downloads.url, ["--to", to]);
    assertEquals([code, place.news(), downloads.asked], [1, [], []]);
    assertStringIncludes(stderr, "/tools/tar is not a folder");
  });

  const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
  const asNobody = which("setpriv");
  (isRoot && !asNobody ? it.skip : it)(
    "refuses a folder that it may not write to, before it downloads",
    async () => {
      await using downloads = await Downloads.of("0.2.0");
      using place = new Place(CURL);
      await Deno.chmod(place.path, 0o555);
      await Deno.chmod(`${place.path}/tmp`, 0o777);
      const prefix = isRoot
        ? [asNobody ?? "", "--reuid=65534", "--regid=65534", "--clear-groups"]
        : [];
      const { code, stderr } = await place.run(
        downloads.url,
        ["--to", `${place.path}/new/bin`],
        {},
        prefix,
      );
      await Deno.chmod(place.path, 0o755);
      assertEquals([code, place.news(), downloads.asked], [1, [], []]);
      assertStringIncludes(stderr, `${place.path} cannot be written to`);
    },
  );

  it("deletes the folders that it made when the disk is full", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    const path = `${place.path}/tools/cp`;
    await Deno.remove(path);
    await Deno.writeTextFile(path, '#!/bin/sh\necho part >"$2"\nexit 1\n', {
      mode: 0o755,
    });
    const { code, stderr } = await place.run(downloads.url);
    assertEquals([code, place.news()], [1, []]);
    assertStringIncludes(stderr, "/nanoctl cannot be written");
  });

  it("refuses to replace a folder that is called nanoctl", async () => {
    using place = new Place(CURL);
    await Deno.mkdir(`${place.path}/home/nanoctl`);
    const { code, stderr } = await place.run(dead, [
      "--to",
      `${place.path}/home`,
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "/home/nanoctl is a folder");
  });

  it("replaces a link, and not what it points to", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    const target = `${place.path}/home/elsewhere`;
    await Deno.writeFile(target, program("nanoctl 0.1.0"), { mode: 0o755 });
    await Deno.symlink(target, `${place.path}/home/nanoctl`);
    const { code } = await place.run(downloads.url, [
      "--to",
      `${place.path}/home`,
    ]);
    assertEquals(code, 0);
    assertEquals(await Deno.readFile(target), program("nanoctl 0.1.0"));
    assert((await Deno.lstat(`${place.path}/home/nanoctl`)).isFile);
  });

  it("takes the version that is asked for out of several", async () => {
    await using downloads = new Downloads(await twoVersions());
    using place = new Place(CURL);
    const { code, stdout } = await place.run(downloads.url, [
      "--version",
      "v0.1.0",
    ]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "Installed nanoctl 0.1.0\n");
  });

  it("does not choose among several versions", async () => {
    await using downloads = new Downloads(await twoVersions());
    using place = new Place(CURL);
    const { code, stderr } = await place.run(downloads.url);
    assertEquals([code, place.news()], [1, []]);
    assertStringIncludes(
      stderr,
      `more than one nanoctl for ${TARGET}: 0.1.0, 0.2.0\n`,
    );
  });

  it("says which versions there are instead", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    const { code, stderr } = await place.run(downloads.url, [
      "--version=0.3.0",
    ]);
    assertEquals([code, place.news()], [1, []]);
    assertStringIncludes(
      stderr,
      `has no nanoctl 0.3.0 for ${TARGET}; it has 0.2.0`,
    );
  });

  it("puts the version where the address wants it", async () => {
    const files = Object.entries(await release("0.2.0")).map((
      [name, content],
    ) => [`v0.2.0/${name}`, content]);
    await using downloads = new Downloads(Object.fromEntries(files));
    using place = new Place(CURL);
    const { code, stderr } = await place.run(
      `${downloads.url}/v{version}/`,
      ["--version", "0.2.0"],
    );
    assertEquals([code, stderr], [0, ""]);
  });

  it("says that a trial build is none to keep", async () => {
    const archive = await archiveOf("0.2.0-trial", program("nanoctl 0.2.0"));
    await using downloads = await Downloads.of("0.2.0-trial", archive);
    using place = new Place(CURL);
    const { code, stdout } = await place.run(downloads.url);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "This is a trial build, not a release.");
  });

  it("says that another nanoctl comes first on the PATH", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    await Deno.writeFile(`${place.path}/tools/nanoctl`, program("other"), {
      mode: 0o755,
    });
    const to = `${place.path}/home`;
    const { stdout } = await place.run(downloads.url, ["--to", to], {
      PATH: `${place.path}/tools:${to}`,
    });
    assertStringIncludes(stdout, "/tools/nanoctl comes first on your PATH");
  });

  (which("setsid") ? it : it.skip)(
    "leaves nothing behind when it is interrupted",
    async () => {
      const { promise: begun, resolve } = Promise.withResolvers<void>();
      await using downloads = new Downloads({
        ...await release("0.2.0"),
        [ARCHIVE]: () => {
          const body = new ReadableStream({
            pull(controller): Promise<void> {
              controller.enqueue(new Uint8Array(64));
              resolve();
              return new Promise(() => {});
            },
          });
          return new Response(body, { headers: { "content-length": "1000" } });
        },
      });
      using place = new Place(CURL);
      const child = place.start(downloads.url, [], {}, [
        which("setsid") ?? "",
        "--wait",
      ]);
      await begun;
      // setsid --wait forks where it leads a group already, so look for the leader.
      const group = await groupOf(child.pid);
      new Deno.Command("kill", { args: ["-TERM", "--", `-${group}`] })
        .outputSync();
      const { code } = await child.output();
      assertEquals(place.news(), []);
      assertEquals(code, 143);
    },
  );
});

/** The process group that a child, or its only child, leads. */
async function groupOf(pid: number): Promise<number> {
  const children = await Deno.readTextFile(
    `/proc/${pid}/task/${pid}/children`,
  );
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const group = Number(stat.split(") ")[1]?.split(" ")[2]);
  return group === pid ? pid : Number(children.trim().split(" ")[0]);
}

async function twoVersions(): Promise<Record<string, Answer>> {
  const [one, two] = [await release("0.1.0"), await release("0.2.0")];
  return {
    ...one,
    ...two,
    SHA256SUMS: `${one["SHA256SUMS"]}${two["SHA256SUMS"]}`,
  };
}

onPosix("install.sh over https", () => {
  let authority: Authority;
  let identity: Identity;

  beforeAll(async () => {
    authority = await Authority.create();
    identity = await authority.issue();
  });

  /** Trusts the authority of this test, as the owner of a machine might. */
  async function trusting(place: Place): Promise<Record<string, string>> {
    const path = `${place.path}/tools/authority.pem`;
    await Deno.writeTextFile(path, authority.pem);
    const rc = `${place.path}/tools/wgetrc`;
    await Deno.writeTextFile(rc, `ca_certificate = ${path}\n`);
    return { CURL_CA_BUNDLE: path, WGETRC: rc };
  }

  for (const [name, machine] of Object.entries(MACHINES)) {
    const isBusybox = name === "busybox";

    (isBusybox ? it.skip : it)(`installs with ${name}`, async () => {
      await using downloads = new Downloads(await release("0.2.0"), identity);
      using place = new Place(machine);
      const { code, stderr } = await place.run(
        downloads.url,
        [],
        await trusting(place),
      );
      assertEquals([code, stderr], [0, ""]);
    });

    it(`trusts no unknown authority with ${name}`, async () => {
      await using downloads = new Downloads(await release("0.2.0"), identity);
      using place = new Place(machine);
      const { code, stderr } = await place.run(downloads.url);
      assertEquals([code, place.news()], [1, []], stderr);
      assertMatch(stderr, /certificate|SSL|TLS/);
    });

    (isBusybox ? it.skip : it)(
      `does not go back to http with ${name}`,
      async () => {
        const files = await release("0.2.0");
        await using plain = new Downloads(files);
        await using downloads = new Downloads({
          ...files,
          [ARCHIVE]: () => Response.redirect(`${plain.url}/${ARCHIVE}`, 302),
        }, identity);
        using place = new Place(machine);
        const env = await trusting(place);
        const before = place.entries();
        const { code, stderr } = await place.run(downloads.url, [], env);
        assertEquals([code, place.entries()], [1, before], stderr);
        assertMatch(stderr, /which is not https|cannot be downloaded: curl/);
        if (machine.tools["curl"]) assertEquals(plain.asked, []);
      },
    );
  }
});

describe("the tests of install.sh", () => {
  it("know every tool that the script uses", () => {
    const text = Deno.readTextFileSync(SCRIPT);
    const [, needed = ""] = text.match(/^ {2}need (cat .*)$/m) ?? [];
    assertEquals(needed.split(" "), TOOLS.filter((name) => name !== "uname"));
  });

  const shellcheck = which("shellcheck");
  (shellcheck ? it : it.skip)("find nothing that shellcheck minds", () => {
    const { code, stdout } = new Deno.Command(shellcheck ?? "", {
      args: ["--shell=sh", SCRIPT],
    }).outputSync();
    assertEquals([code, new TextDecoder().decode(stdout)], [0, ""]);
  });
});
