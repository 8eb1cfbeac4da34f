import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { systemOf } from "../../process/system/systems.ts";
import { asCertificateTime, splitByExpiry } from "./certificate_expiry.ts";
import {
  certificatesIn,
  readCertificateFile,
  wellFormed,
} from "./certificates.ts";

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

/** Authorities of one place: a variable's, or the system's own. */
export interface AuthoritySource {
  /** Undefined for the system's own. */
  variable?: "SSL_CERT_FILE" | "SSL_CERT_DIR";
  /** The file, or the folders as the variable has them. */
  path: string;
  /** In PEM, well-formed or not, expired or not. */
  certificates: string[];
}

/** The system's authorities. */
export interface SystemAuthorities {
  /** In PEM, well-formed or not. */
  certificates: string[];
  /** The expired ones, which do not count. */
  expired: string[];
  /** Whether the runtime has to read the system's own store as well. */
  byRuntime: boolean;
  /** Where they come from, other than what the runtime reads. */
  sources: AuthoritySource[];
  /** Throws `usage` if SSL_CERT_FILE holds no certificate that the runtime can read. */
  check(): void;
}

/**
 * The authorities that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, without those of
 * the system. Throws as {@linkcode systemAuthorities} does.
 */
export async function namedAuthorities(
  context: Pick<Context, "env" | "os" | "now">,
): Promise<SystemAuthorities> {
  const { file, folders } = await named(context);
  return authorities(context, file, [folders], false);
}

/**
 * The authorities that this machine trusts, in addition to those built in.
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` each replace what the system has of its
 * kind, as with OpenSSL and Go. If DENO_TLS_CA_STORE is set, the runtime decides
 * whether the system's store counts.
 *
 * Throws `usage` if SSL_CERT_FILE can't be read or holds no certificate. Missing
 * folders, and files in them without a certificate, are skipped.
 */
export async function systemAuthorities(
  context: Pick<Context, "env" | "os" | "now">,
  paths: SystemPaths = { bundles: BUNDLES, folders: FOLDERS },
): Promise<SystemAuthorities> {
  const { file, folders } = await named(context);
  const isOurs = !context.env.get("DENO_TLS_CA_STORE");
  const byRuntime = isOurs && systemOf(context.os).keepsAuthorities;
  // The one file holds the same as the folder.
  const system = isOurs && !byRuntime && !(file && folders)
    ? certificatesOfSystem(paths)
    : undefined;
  return authorities(context, file, [folders, system], byRuntime);
}

/** What the variables name; undefined for one that is not set. */
async function named(
  { env, os }: Pick<Context, "env" | "os">,
): Promise<{
  file: NamedFile | undefined;
  folders: AuthoritySource | undefined;
}> {
  const path = env.get("SSL_CERT_FILE");
  const list = env.get("SSL_CERT_DIR") ?? "";
  const folders = systemOf(os).splitList(list)
    .filter((folder) => folder !== "");
  return {
    file: path ? await readNamedFile(path) : undefined,
    folders: folders.length === 0 ? undefined : {
      variable: "SSL_CERT_DIR",
      path: list,
      certificates: folders.flatMap(certificatesOfFolder),
    },
  };
}

function authorities(
  context: Pick<Context, "now">,
  file: NamedFile | undefined,
  others: (AuthoritySource | undefined)[],
  byRuntime: boolean,
): SystemAuthorities {
  const sources = [file, ...others].filter((source) => source !== undefined);
  const all = new Set(sources.flatMap(({ certificates }) => certificates));
  return {
    ...splitByExpiry([...all], asCertificateTime(context.now())),
    byRuntime,
    sources,
    check: () => file?.check(),
  };
}

/** The file that SSL_CERT_FILE names. */
interface NamedFile extends AuthoritySource {
  /** Throws `usage` if the runtime can read none of them; finding out takes an extra client. */
  check(): void;
}

async function readNamedFile(path: string): Promise<NamedFile> {
  const unusable = (reason: string): NanoctlError =>
    new NanoctlError(
      "usage",
      `SSL_CERT_FILE names ${path}, which can't be used: ${reason}`,
      "set it to a file with certificates in PEM form, or unset it",
    );
  const text = await readCertificateFile(path, unusable);
  const certificates = certificatesIn(text);
  if (certificates.length === 0) throw unusable("it holds no PEM certificate");
  return {
    variable: "SSL_CERT_FILE",
    path,
    certificates,
    check(): void {
      if (wellFormed(certificates).length > 0) return;
      throw unusable("the certificates in it are malformed");
    },
  };
}

function certificatesOfSystem(
  { bundles, folders }: SystemPaths,
): AuthoritySource | undefined {
  for (const path of bundles) {
    const certificates = certificatesOfFile(path);
    if (certificates.length > 0) return { path, certificates };
  }
  const certificates = folders.flatMap(certificatesOfFolder);
  return certificates.length === 0
    ? undefined
    : { path: folders.join(":"), certificates };
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
    // Opening a named pipe blocks until its other end is opened.
    if (!isFile || size > FILE_LIMIT) return [];
    return certificatesIn(Deno.readTextFileSync(path));
  } catch {
    return [];
  }
}
