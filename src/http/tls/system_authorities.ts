import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { asCertificateTime, hasExpired } from "./certificate_expiry.ts";
import {
  certificatesIn,
  readCertificateFile,
  wellFormed,
} from "./certificates.ts";

/** The systems whose own store the runtime reads: it is no file. */
const READ_BY_RUNTIME = ["darwin", "windows"];

/** Where Linux distributions keep all authorities in one file, as Go's crypto/x509 looks for it. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Alpine, Arch
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/pki/tls/cacert.pem", // OpenELEC
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
  "/etc/ssl/cert.pem", // Alpine without ca-certificates, the BSDs
];
/** Where an image without such a file may have them one by one. */
const FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/** The most that a file of authorities has, in bytes: 10 MiB. */
const FILE_LIMIT = 10 * 2 ** 20;

/** The files in which to look for the system's authorities; in tests, others. */
export interface SystemPaths {
  bundles: string[];
  folders: string[];
}

/** The system's authorities. */
export interface SystemAuthorities {
  /** In PEM, well-formed or not. */
  certificates: string[];
  /** Those whose time is over, which do not count. */
  expired: string[];
  /** Whether the runtime has to read the system's own store besides. */
  byRuntime: boolean;
}

/**
 * The authorities that this machine trusts, which count besides those built in.
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` each take the place of what the system has
 * of its kind, as with OpenSSL and Go. With `DENO_TLS_CA_STORE` set, whether
 * the system's store counts is for the runtime to say.
 *
 * Throws `usage` when `SSL_CERT_FILE` can't be read or holds no certificate. A
 * folder that is not there, and a file in one that holds none, is passed over.
 */
export async function systemAuthorities(
  context: Pick<Context, "env" | "os" | "now">,
  { bundles, folders }: SystemPaths = { bundles: BUNDLES, folders: FOLDERS },
): Promise<SystemAuthorities> {
  const { env, os } = context;
  const file = env.get("SSL_CERT_FILE");
  const dirs = (env.get("SSL_CERT_DIR") ?? "")
    .split(os === "windows" ? ";" : ":")
    .filter((dir) => dir !== "");
  const isOurs = !env.get("DENO_TLS_CA_STORE");
  const byRuntime = isOurs && READ_BY_RUNTIME.includes(os);
  const found = file ? await certificatesOfVariable(file) : [];
  found.push(...dirs.flatMap(certificatesOfFolder));
  // The one file stands for the folder too: both hold the same.
  if (isOurs && !byRuntime && !(file && dirs.length > 0)) {
    found.push(...certificatesOfSystem({ bundles, folders }));
  }
  const now = asCertificateTime(context.now());
  const [certificates, expired] = split(
    [...new Set(found)],
    (one) => hasExpired(one, now),
  );
  return { certificates, expired, byRuntime };
}

/** Those of which something is not true, and those of which it is. */
function split<T>(all: T[], isTrue: (one: T) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const one of all) parts[isTrue(one) ? 1 : 0].push(one);
  return parts;
}

async function certificatesOfVariable(path: string): Promise<string[]> {
  const unusable = (reason: string): NanoctlError =>
    new NanoctlError(
      "usage",
      `SSL_CERT_FILE names ${path}, which can't be used: ${reason}`,
      "set it to a file with certificates in PEM form, or unset it",
    );
  const text = await readCertificateFile(path, unusable);
  const certificates = certificatesIn(text);
  if (certificates.length === 0) throw unusable("it holds no PEM certificate");
  const good = wellFormed(certificates);
  if (good.length === 0) throw unusable("the certificates in it are malformed");
  return good;
}

function certificatesOfSystem({ bundles, folders }: SystemPaths): string[] {
  for (const bundle of bundles) {
    const certificates = certificatesOfFile(bundle);
    if (certificates.length > 0) return certificates;
  }
  return folders.flatMap(certificatesOfFolder);
}

function certificatesOfFolder(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)]
      .filter((entry) => !isOtherName(folder, entry))
      .flatMap(({ name }) => certificatesOfFile(`${folder}/${name}`));
  } catch {
    return [];
  }
}

/** Whether an entry is a link within its folder: the hash of a certificate that is there under its own name too. */
function isOtherName(
  folder: string,
  { isSymlink, name }: Deno.DirEntry,
): boolean {
  return isSymlink && !/[\\/]/.test(Deno.readLinkSync(`${folder}/${name}`));
}

function certificatesOfFile(path: string): string[] {
  try {
    const { isFile, size } = Deno.statSync(path);
    // Whoever opens a named pipe waits for its other end.
    if (!isFile || size > FILE_LIMIT) return [];
    return certificatesIn(Deno.readTextFileSync(path));
  } catch {
    return [];
  }
}
