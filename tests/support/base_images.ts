import { dirname, join } from "@std/path";
import { readElf } from "../../scripts/release/elf.ts";
import { isFile } from "../../scripts/process.ts";
import { Child } from "./nanoctl.ts";
import { type Need, PATH } from "./store_files.ts";

/** Debian's static busybox and its musl, which stand in for Alpine's. */
const BUSYBOX = "/bin/busybox";
const MUSL = "/lib/ld-musl-x86_64.so.1";

/** What a shell and our builds run. */
const TOOLS = ["sh", "sha256sum", "install", "tar", "gzip"];

const PASSWD = "root:x:0:0:root:/root:/sbin/nologin\n" +
  "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";

/** Requires the Debian packages of which the stand-ins are made. */
export const baseFiles: Need = () => {
  const missing = [MUSL, "/etc/ssl/certs/ca-certificates.crt", "/sbin/ldconfig"]
    .filter((path) => !isFile(path));
  if (missing.length > 0) return `there is no ${missing.join(" and no ")}`;
  return isStatic(BUSYBOX) ? undefined : `${BUSYBOX} is not a static one`;
};

/** The stand-ins by the references of the images: a few files in the places that these have. */
const STAND_INS: Record<string, (root: string) => Promise<void>> = {
  "scratch": () => Promise.resolve(),
  "debian:12.12-slim": debian,
  "gcr.io/distroless/static-debian12:nonroot": distrolessStatic,
  "gcr.io/distroless/cc-debian12:nonroot": distrolessCc,
  "alpine:3.22.1": alpine,
  "busybox:1.37.0-musl": busybox,
  "registry.access.redhat.com/ubi9/ubi-micro:9.6": ubiMicro,
};

/** The references of all images that there are stand-ins for. */
export const REFERENCES: readonly string[] = Object.keys(STAND_INS);

/** Lays the stand-in for a base image out in an empty folder. Throws if there is none. */
export async function layBase(reference: string, root: string): Promise<void> {
  const make = STAND_INS[reference];
  if (!make) throw new Error(`there is no stand-in for ${reference}`);
  await make(root);
}

/** /bin, /lib and so on are links to /usr, and the libraries are in Debian's folders. */
async function debian(root: string): Promise<void> {
  mergeUsr(root);
  write(root, "etc/debian_version", "12.12\n");
  write(root, "etc/passwd", PASSWD);
  folders(root, "tmp", "var/lib");
  await addGlibc(root, (path) => path);
  for (const tool of TOOLS) await addProgram(root, `/usr/bin/${tool}`);
}

/** Debian's certificates, time zones and users, without a libc. */
function distrolessStatic(root: string): Promise<void> {
  write(root, "etc/passwd", PASSWD);
  write(root, "etc/nsswitch.conf", "hosts: files dns\n");
  add(root, "/etc/ssl/certs/ca-certificates.crt");
  folders(
    root,
    "bin",
    "home/nonroot",
    "lib",
    "tmp",
    "usr/bin",
    "usr/lib",
    "var",
  );
  return Promise.resolve();
}

async function distrolessCc(root: string): Promise<void> {
  await distrolessStatic(root);
  await addGlibc(root, (path) => path);
}

/** musl, and a busybox that is linked with nothing. */
async function alpine(root: string): Promise<void> {
  await busybox(root);
  write(root, "etc/alpine-release", "3.22.1\n");
  add(root, "/etc/ssl/certs/ca-certificates.crt");
  add(root, MUSL);
  Deno.symlinkSync(
    "ld-musl-x86_64.so.1",
    join(root, "lib/libc.musl-x86_64.so.1"),
  );
}

function busybox(root: string): Promise<void> {
  write(root, "etc/passwd", PASSWD);
  add(root, BUSYBOX);
  for (const name of ["sh", "ls", "cat"]) {
    Deno.symlinkSync("busybox", join(root, "bin", name));
  }
  folders(root, "lib", "tmp", "usr/bin", "usr/lib", "var");
  return Promise.resolve();
}

/** As RPM has it: glibc in /lib64, which is a link, and found by way of ld.so.cache. */
async function ubiMicro(root: string): Promise<void> {
  mergeUsr(root);
  write(root, "etc/redhat-release", "Red Hat Enterprise Linux release 9.6\n");
  write(root, "etc/passwd", PASSWD);
  write(root, "etc/ld.so.conf", "/usr/lib64\n");
  folders(root, "tmp", "usr/local/bin", "var/lib");
  await addGlibc(root, (path) => path.replace(/^.*\//, "/usr/lib64/"));
  await outputOf("/sbin/ldconfig", ["-r", root]);
}

function mergeUsr(root: string): void {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    folders(root, `usr/${name}`);
    Deno.symlinkSync(`usr/${name}`, join(root, name));
  }
}

/** The libraries of libc6 and libgcc-s1, each at the path that `place` gives for Debian's. */
async function addGlibc(
  root: string,
  place: (path: string) => string,
): Promise<void> {
  const list = await outputOf("dpkg-query", ["-L", "libc6", "libgcc-s1"]);
  const paths = list.split("\n").filter((path) =>
    /^(\/usr)?\/lib(64)?(\/[^/]+-linux-gnu)?\/[^/]+\.so[.\d]*$/.test(path)
  );
  if (paths.length < 10) {
    throw new Error(`libc6 has too few libraries: ${list}`);
  }
  for (const path of paths) add(root, path, place(path));
}

/** A program of this machine and the libraries that it is linked with. */
async function addProgram(root: string, path: string): Promise<void> {
  add(root, path);
  const list = await outputOf("ldd", [path]);
  for (const [, library = ""] of list.matchAll(/=> (\/\S+) \(0x/g)) {
    add(root, library);
  }
}

/** Copies a file of this machine, following links, unless it is there. */
function add(root: string, path: string, place = path): void {
  const target = join(root, place);
  if (isFile(target)) return;
  Deno.mkdirSync(dirname(target), { recursive: true });
  Deno.copyFileSync(path, target);
}

function write(root: string, path: string, text: string): void {
  folders(root, dirname(path));
  Deno.writeTextFileSync(join(root, path), text);
}

function folders(root: string, ...paths: string[]): void {
  for (const path of paths) {
    Deno.mkdirSync(join(root, path), { recursive: true });
  }
}

function isStatic(path: string): boolean {
  return isFile(path) &&
    readElf(Deno.readFileSync(path)).interpreter === undefined;
}

async function outputOf(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Child(command, args, {
    env: { PATH },
  }).end();
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}
