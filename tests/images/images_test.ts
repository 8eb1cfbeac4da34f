import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { sha256, walk } from "../../scripts/process.ts";
import { baseFiles, layBase } from "../support/base_images.ts";
import { Buildah } from "../support/buildah.ts";
import { Authority } from "../support/certificates.ts";
import { seccompModule } from "../support/confined.ts";
import type { Image } from "../support/dockerfile.ts";
import {
  dockerfileOf,
  dockerfilePath,
  imageNames,
  ImagePlace,
  makeRelease,
  UID,
} from "../support/image_place.ts";
import { MemoryGroup, memoryGroups } from "../support/memory_group.ts";
import { NameServer } from "../support/name_server.ts";
import { Child, type Result } from "../support/nanoctl.ts";
import { itNeeding } from "../support/needs.ts";
import { me, StrangeServer } from "../support/servers.ts";
import {
  itWith,
  ownMounts,
  PATH,
  programs,
  root,
  someToken,
} from "../support/store_files.ts";

const TOKEN = someToken();
const SECRETS = "/run/secrets";
const TOKEN_FILE = { NANOSERVICES_TOKEN_FILE: `${SECRETS}/token` };
const CA_FILE = ["--ca-file", `${SECRETS}/ca.pem`];
const PAGE = new URL("../../docs/containers.md", import.meta.url);
/** The base of every first stage. */
const BUILDER = "debian:12.12-slim";
/** The number of keyctl(2) on x86-64. */
const KEYCTL = 250;

/** Knows only one token. */
function answer({ headers, url }: { headers: Headers; url: URL }): Response {
  const isKnown = headers.get("authorization") === `Bearer ${TOKEN}`;
  if (!isKnown) {
    return Response.json({ code: "token_invalid" }, { status: 401 });
  }
  return url.pathname === "/v1/me"
    ? me({ username: "ada" })
    : new Response(null, { status: 404 });
}

const IS_X64_LINUX = Deno.build.os === "linux" &&
  Deno.build.arch === "x86_64";
/** Why no program can be confined here, whatever is installed. */
const UNABLE = IS_X64_LINUX
  ? root() ?? ownMounts()
  : "the stand-ins are of files for Linux x64";
const MISSING = UNABLE ?? seccompModule() ?? baseFiles();
const ifAble = UNABLE === undefined ? describe : describe.skip;

ifAble(`in an image${UNABLE ? ` (skipped: ${UNABLE})` : ""}`, () => {
  let release = "";
  let authority: Authority;
  let service: StrangeServer;

  beforeAll(async () => {
    if (MISSING !== undefined) return;
    release = await Deno.makeTempDir({ prefix: "nanoctl-images-" });
    await makeRelease(release);
    authority = await Authority.create();
    service = new StrangeServer(answer, await authority.issue());
  });
  afterAll(async () => {
    if (release === "") return;
    await service[Symbol.asyncDispose]();
    await Deno.remove(release, { recursive: true });
  });

  /** An image with what an engine mounts: the token and the authority of the service. */
  async function placeOf(name: string): Promise<ImagePlace> {
    const place = await ImagePlace.build(name, release);
    await Deno.writeTextFile(join(place.secrets, "token"), `${TOKEN}\n`);
    await Deno.writeTextFile(join(place.secrets, "ca.pem"), authority.pem);
    return place;
  }

  for (const name of imageNames()) {
    describe(`of ${name}`, () => {
      let place: ImagePlace;
      beforeAll(async () => {
        if (MISSING === undefined) place = await placeOf(name);
      });
      afterAll(() => place?.[Symbol.asyncDispose]());

      itNeeding(
        MISSING,
        "a login is checked, stored, used and forgotten",
        () => logInAndOut(place, service),
      );

      itNeeding(
        MISSING,
        "no file of its base is another",
        () => assertBaseUnchanged(name, place.image.root),
      );

      itNeeding(
        MISSING ?? programs("buildah")(),
        "buildah makes the same files and settings",
        () => assertSameByBuildah(name, release, place.image),
      );
    });
  }

  describe("as strict as can be", () => {
    let place: ImagePlace;
    beforeAll(async () => {
      if (MISSING === undefined) place = await placeOf("alpine");
    });
    afterAll(() => place?.[Symbol.asyncDispose]());

    itNeeding(
      MISSING,
      "there is no capability, and nothing can be written",
      async () => {
        const shell = ["/bin/busybox", "sh", "-c"];
        const status = await place.runOther(
          [...shell, "cat /proc/self/status"],
          {},
          { proc: true },
        );
        for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) {
          assertMatch(status.stdout, new RegExp(`^Cap${set}:\t0+$`, "m"));
        }
        assertMatch(status.stdout, /^NoNewPrivs:\t1$/m);
        assertMatch(status.stdout, /^Seccomp:\t2$/m);
        assertMatch(status.stdout, new RegExp(`^Uid:\t(${UID}\t?){4}$`, "m"));
        const { stdout } = await place.runOther([
          ...shell,
          "for at in / /usr /run/secrets /proc /var/lib/nanoctl; do " +
          "{ echo >$at/x; } && echo $at; done; ls -d /tmp /etc/passwd; true",
        ]);
        assertEquals(stdout, "/var/lib/nanoctl\n");
      },
    );

    itNeeding(
      MISSING,
      "any user of group 0 can store a login in a new volume",
      async () => {
        const volume = await Deno.makeTempDir({ prefix: "nanoctl-volume-" });
        const state = join(place.image.root, "var/lib/nanoctl");
        const { mode, uid, gid } = await Deno.stat(state);
        await Deno.chmod(volume, (mode ?? 0) & 0o7777);
        await Deno.chown(volume, uid, gid);
        const [secrets] = place.mounts;
        const mounts = [secrets, [volume, "/var/lib/nanoctl", true]] as const;
        const login = ["login", "--save", "--url", service.url, ...CA_FILE];
        const as = (gid: number): Promise<Result> =>
          place.run(login, TOKEN_FILE, { gid, mounts });
        assertEquals((await as(UID)).code, 7);
        const { code, stderr } = await as(0);
        assertEquals(code, 0, stderr);
        await Deno.remove(volume, { recursive: true });
      },
    );

    itNeeding(
      MISSING,
      "a system call that Docker forbids is refused",
      async () => {
        const command = ["/bin/busybox", "true"];
        const made = async (filtered: boolean): Promise<string> => {
          const changes = { filtered, probe: KEYCTL };
          return (await place.runOther(command, {}, changes)).stdout;
        };
        assertEquals(await made(true), "Operation not permitted\n");
        assert(await made(false) !== "Operation not permitted\n");
      },
    );

    itNeeding(
      MISSING,
      "what the base has still runs beside glibc",
      async () => {
        const musl = await place.runOther(["/lib/ld-musl-x86_64.so.1"]);
        assertMatch(musl.stderr, /^musl libc /);
      },
    );

    itNeeding(
      MISSING,
      "names are looked up in /etc/hosts, and by a name server",
      async () => {
        const plain = new StrangeServer(answer);
        const address = "127.53.0.1";
        await using server = await NameServer.start(address);
        const { root } = place.image;
        Deno.writeTextFileSync(
          join(root, "etc/hosts"),
          "127.0.0.1 in-hosts.test\n",
        );
        Deno.writeTextFileSync(
          join(root, "etc/resolv.conf"),
          `nameserver ${address}\n`,
        );
        for (const name of ["in-hosts.test", "in-dns.test"]) {
          const url = plain.url.replace("127.0.0.1", name);
          assertEquals(
            await place.run(
              ["whoami", "--url", url, "--insecure-http"],
              TOKEN_FILE,
            ),
            { code: 0, stdout: "ada\n", stderr: "" },
          );
        }
        assert(server.asked.has("in-dns.test"), `${[...server.asked]}`);
        await plain[Symbol.asyncDispose]();
      },
    );

    itNeeding(
      MISSING ?? programs("strace")(),
      "a name takes no library that is not there",
      async () => {
        const { root, entrypoint } = place.image;
        const log = join(place.secrets, "trace");
        const { code } = await new Child("strace", [
          "--follow-forks",
          "--trace=execve,open,openat",
          `--output=${log}`,
          "chroot",
          root,
          ...entrypoint,
          ...["whoami", "--url", "https://nano.test", "--token", "x"],
        ], { env: { PATH } }).end();
        assertEquals(code, 5);
        const opened = await Deno.readTextFile(log);
        const inRoot = opened.slice(opened.lastIndexOf(" execve("));
        assertMatch(inRoot, /\/etc\/hosts/);
        const names = [...inRoot.matchAll(/\/([^\/"]+\.so[.\d]*)"/g)]
          .map(([, name = ""]) => name);
        const there = [
          ...Deno.readDirSync(join(root, "usr/lib/x86_64-linux-gnu")),
        ]
          .map(({ name }) => name);
        assert(names.length >= there.length);
        assertEquals(names.filter((name) => !there.includes(name)), []);
      },
    );

    itWith(
      [() => MISSING, memoryGroups],
      "what docs/containers.md says is enough memory is",
      async () => {
        const page = await Deno.readTextFile(PAGE);
        const least = Number(/\*\*(\d+) MiB\*\* is the least/.exec(page)?.[1]);
        const login = ["login", "--save", "--url", service.url, ...CA_FILE];
        // Room for another kernel's and runtime's measure.
        await using group = new MemoryGroup(least + 12);
        const groups = [group.procs];
        const { code, stderr } = await place.run(login, TOKEN_FILE, { groups });
        assertEquals(code, 0, stderr);
        assert(group.peak > least / 2, `${group.peak}`);
      },
    );

    itWith([() => MISSING, memoryGroups], "half of that is not", async () => {
      await using group = new MemoryGroup(16);
      const groups = [group.procs];
      const login = ["login", "--url", service.url, ...CA_FILE];
      assert((await place.run(login, TOKEN_FILE, { groups })).code > 100);
    });
  });
});

/** The base of an image. */
function baseOf(name: string): string {
  const [, reference = ""] = dockerfileOf(name).match(/^FROM (\S+)$/m) ?? [];
  return reference;
}

/** All entries of a folder with their kinds, modes, owners, sizes and targets. */
async function listing(root: string): Promise<string[]> {
  const format = "%P %y %m %U:%G %s %l\n";
  const { stdout } = await new Child("find", [
    root,
    "-mindepth",
    "1",
    ...["-type", "d", "-printf", "%P %y %m %U:%G\n"],
    ...["-o", "-printf", format],
  ], { env: { PATH } }).end();
  return stdout.trimEnd().split("\n").map((line) => line.trimEnd()).sort();
}

/** Goes through all that a person does with a token, without /proc and once with it. */
async function logInAndOut(
  place: ImagePlace,
  service: StrangeServer,
): Promise<void> {
  const login = ["login", "--url", service.url, ...CA_FILE];
  const before = service.caught.length;
  assertEquals(
    await place.run(login, TOKEN_FILE),
    { code: 0, stdout: "", stderr: "" },
  );
  assertEquals(service.caught.length, before + 1);
  assertEquals([...Deno.readDirSync(place.volume)], []);

  const stored = await place.run([...login, "--save"], TOKEN_FILE);
  assertEquals(stored.code, 0, stored.stderr);
  const file = join(place.volume, "config/credentials.json");
  const text = await Deno.readTextFile(file);
  assertMatch(text, /"username": ?"ada"/);
  assert(!text.includes(TOKEN));

  assertEquals(
    await place.run(["token"]),
    { code: 0, stdout: `${TOKEN}\n`, stderr: "" },
  );
  const trusted = { SSL_CERT_FILE: `${SECRETS}/ca.pem` };
  for (const proc of [false, true]) {
    assertEquals(
      await place.run(["whoami"], trusted, { proc }),
      { code: 0, stdout: "ada\n", stderr: "" },
    );
  }
  const untrusted = await place.run(["whoami"]);
  assertEquals(untrusted.code, 5, untrusted.stderr);

  const out = await place.run(["logout"]);
  assertEquals(out.code, 0, out.stderr);
  assertEquals((await place.run(["token"])).code, 3);
}

/** Asserts that an image has every file of its base as it was. */
async function assertBaseUnchanged(name: string, root: string): Promise<void> {
  const base = await Deno.makeTempDir({ prefix: "nanoctl-base-" });
  await layBase(baseOf(name), base);
  for (const path of walk(base)) {
    if (!isOfImage(path.slice(1))) continue;
    const [before, after] = [base + path, root + path];
    assertEquals(Deno.lstatSync(after).mode, Deno.lstatSync(before).mode, path);
    if (Deno.lstatSync(before).isSymlink) {
      assertEquals(Deno.readLinkSync(after), Deno.readLinkSync(before), path);
    } else {
      const [old, now] = [Deno.readFileSync(before), Deno.readFileSync(after)];
      assertEquals(await sha256(now), await sha256(old), path);
    }
  }
  await Deno.remove(base, { recursive: true });
}

/** Has buildah build the image on the same bases, and compares what both made. */
async function assertSameByBuildah(
  name: string,
  release: string,
  image: Image,
): Promise<void> {
  await using buildah = new Buildah();
  const folder = await Deno.makeTempDir({ prefix: "nanoctl-bases-" });
  for (const reference of new Set([BUILDER, baseOf(name)])) {
    const root = await Deno.makeTempDir({ dir: folder });
    await layBase(reference, root);
    await buildah.addBase(reference, root);
  }
  await Deno.remove(folder, { recursive: true });
  const built = await buildah.build(dockerfilePath(name), release);
  const config = await buildah.config(built);
  assertEquals(
    { ...config, env: config.env.filter((one) => !one.startsWith("PATH=")) },
    {
      env: Object.entries(image.env).map((pair) => pair.join("=")),
      user: image.user,
      entrypoint: image.entrypoint,
    },
  );
  const [theirs, ours] = [
    await listing(await buildah.mount(built)),
    await listing(image.root),
  ];
  assert(ours.length > 10);
  assertEquals(theirs.filter(isOfImage), ours.filter(isOfImage));
}

/** Whether a path is of the image itself; the place has taken the others away or added them. */
function isOfImage(path: string): boolean {
  return !/^(tmp|etc\/passwd|proc|run)\b/.test(path);
}
