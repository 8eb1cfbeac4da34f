import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { walk } from "../../../scripts/process.ts";
import type { ArchivedFile } from "../../../scripts/release/archive.ts";
import {
  deb,
  type DebSubject,
  debVersion,
} from "../../../scripts/release/deb.ts";
import { publisherOf } from "../../../scripts/release/publisher.ts";
import { VERSION } from "../../../src/version.ts";
import { BINARY } from "../../support/nanoctl.ts";
import { itNeeding } from "../../support/needs.ts";
import { type Need, programs } from "../../support/store_files.ts";

const ROOT = fromFileUrl(import.meta.resolve("../../..")).replace(/\/$/, "");
const DATE = 1_700_000_000;
const ARCHITECTURE = Deno.build.arch === "aarch64" ? "arm64" : "amd64";

function textFile(path: string): ArchivedFile {
  const bytes = Deno.readFileSync(`${ROOT}/${path}`);
  return { path, bytes, executable: false };
}

/** The package of the compiled program, as a trial release makes it. */
function subject(): DebSubject {
  const manual = [...walk(`${ROOT}/docs/man`)].map((path) => `docs/man${path}`);
  const notices = new TextEncoder().encode("Deno\n");
  return {
    program: Deno.readFileSync(BINARY),
    architecture: ARCHITECTURE,
    version: `${VERSION}-trial`,
    texts: [
      ...["LICENSE", "CHANGELOG.md", ...manual].map(textFile),
      { path: "THIRD_PARTY_LICENSES", bytes: notices, executable: false },
    ],
    publisher: publisherOf(() => undefined, VERSION, true),
    trial: true,
    date: DATE,
  };
}

const onDebian: Need = programs("dpkg", "dpkg-deb", "xz");
const onLinux = Deno.build.os === "linux" ? describe : describe.skip;

function itOnDebian(
  name: string,
  fn: () => Promise<void>,
  also: Need = () => undefined,
): void {
  itNeeding(onDebian() ?? also(), name, fn);
}

async function run(
  command: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { LC_ALL: "C" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function succeeds(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, ...args);
  assertEquals(code, 0, `${command} ${args}: ${stderr}`);
  return stdout;
}

onLinux("a Debian package", () => {
  let folder = "";
  let path = "";
  let made: DebSubject;

  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl-deb-" });
    if (onDebian()) return;
    made = subject();
    path = `${folder}/nanoctl_${debVersion(made.version)}_${ARCHITECTURE}.deb`;
    await Deno.writeFile(path, await deb(made));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  /** A system of its own with nothing in it, whose dpkg takes the package. */
  async function emptySystem(): Promise<{ root: string; dpkg: string[] }> {
    const root = await Deno.makeTempDir({ dir: folder });
    for (const name of ["info", "parts", "triggers", "updates"]) {
      await Deno.mkdir(`${root}/var/lib/dpkg/${name}`, { recursive: true });
    }
    await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, "");
    // Its libraries are those of this system; the log would be, too.
    const force = "--force-not-root,depends,script-chrootless,bad-path";
    return {
      root,
      dpkg: [`--root=${root}`, force, "--log=/dev/null"],
    };
  }

  /** What is in a system, but for what dpkg writes down. */
  function filesIn(root: string): string[] {
    return [...walk(root)].filter((path) => !path.startsWith("/var/lib/dpkg"));
  }

  itOnDebian(
    "installs exactly the program, its manual and its completions",
    async () => {
      const { root, dpkg } = await emptySystem();
      await succeeds("dpkg", ...dpkg, "-i", path);
      const pages = made.texts.filter(({ path }) =>
        path.startsWith("docs/man/")
      )
        .map(({ path }) => `/usr/share/man/man1/${path.slice(9)}.gz`);
      assert(pages.length > 20, `${pages}`);
      const expected = [
        "/usr/bin/nanoctl",
        "/usr/share/bash-completion/completions/nanoctl",
        "/usr/share/doc/nanoctl/THIRD_PARTY_LICENSES.gz",
        "/usr/share/doc/nanoctl/changelog.Debian.gz",
        "/usr/share/doc/nanoctl/changelog.gz",
        "/usr/share/doc/nanoctl/copyright",
        "/usr/share/fish/vendor_completions.d/nanoctl.fish",
        "/usr/share/lintian/overrides/nanoctl",
        ...pages,
        "/usr/share/zsh/vendor-completions/_nanoctl",
      ];
      assertEquals(filesIn(root).sort(), expected.sort());
      const { mode } = await Deno.stat(`${root}/usr/bin/nanoctl`);
      assertEquals((mode ?? 0) & 0o7777, 0o755);
      assertEquals(
        await succeeds(`${root}/usr/bin/nanoctl`, "--version"),
        await succeeds(BINARY, "--version"),
      );
      for (const page of pages) {
        const original = `${ROOT}/docs/man/${page.slice(20, -3)}`;
        assertEquals(
          await succeeds("gzip", "-dc", root + page),
          await Deno.readTextFile(original),
        );
      }
      assertEquals(await succeeds("dpkg", ...dpkg, "--verify", "nanoctl"), "");
    },
  );

  itOnDebian("has the completions that the program prints", async () => {
    const { root, dpkg } = await emptySystem();
    await succeeds("dpkg", ...dpkg, "-i", path);
    const scripts = {
      bash: "bash-completion/completions/nanoctl",
      fish: "fish/vendor_completions.d/nanoctl.fish",
      zsh: "zsh/vendor-completions/_nanoctl",
    };
    for (const [shell, script] of Object.entries(scripts)) {
      assertEquals(
        await Deno.readTextFile(`${root}/usr/share/${script}`),
        await succeeds(BINARY, "completions", shell),
      );
    }
  });

  for (const way of ["-r", "-P"]) {
    itOnDebian(`is gone without a trace after dpkg ${way}`, async () => {
      const { root, dpkg } = await emptySystem();
      await succeeds("dpkg", ...dpkg, "-i", path);
      await succeeds("dpkg", ...dpkg, way, "nanoctl");
      assertEquals(filesIn(root), []);
      const top = [...Deno.readDirSync(root)].map(({ name }) => name);
      assertEquals(top, ["var"]);
      // It has no configuration that a mere removal would leave.
      const status = await Deno.readTextFile(`${root}/var/lib/dpkg/status`);
      assert(!status.includes("nanoctl"), status);
      const info = [...Deno.readDirSync(`${root}/var/lib/dpkg/info`)];
      assertEquals(info.filter(({ name }) => name.includes("nanoctl")), []);
    });
  }

  itOnDebian(
    "needs what the program is linked with, and apt finds it",
    async () => {
      const depends = await succeeds("dpkg-deb", "-f", path, "Depends");
      assertMatch(depends, /^libc6 \(>= 2\.\d+\), libgcc-s1 \| libgcc1\n$/);
      const { stdout } = await run("objdump", "-p", BINARY);
      const newest = [...stdout.matchAll(/ GLIBC_2\.(\d+)/g)]
        .map(([, minor]) => Number(minor)).sort((a, b) => a - b).at(-1);
      assertStringIncludes(depends, `libc6 (>= 2.${newest})`);
      const plan = await succeeds("apt-get", "--simulate", "install", path);
      assertStringIncludes(plan, `Inst nanoctl (${debVersion(made.version)} `);
    },
    programs("apt-get", "objdump"),
  );

  itOnDebian("has nothing that lintian minds", async () => {
    const { code, stdout, stderr } = await run(
      "lintian",
      "--allow-root",
      "--fail-on=error,warning,info",
      path,
    );
    assertEquals([code, stdout + stderr], [0, ""]);
  }, programs("lintian"));

  itOnDebian("comes before its release if it is a trial", async () => {
    const versions = [`${VERSION}-trial`, VERSION].map(debVersion);
    const [trial = "", release = ""] = versions;
    await succeeds("dpkg", "--compare-versions", trial, "lt", release);
  });

  itOnDebian("is not made without its licence", async () => {
    const texts = made.texts.filter(({ path }) => path !== "LICENSE");
    const error = await assertRejects(() => deb({ ...made, texts }));
    assertStringIncludes(String(error), "needs LICENSE, which is not there");
  });
});
