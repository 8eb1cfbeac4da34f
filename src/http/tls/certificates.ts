import { hasCode, NanoctlError } from "../../errors.ts";
import { interruptibly } from "../../process/interrupt.ts";
import { takeText } from "../../text_encoding.ts";
import { BODY_LIMIT, readText } from "../body.ts";
import { asCertificateTime, hasExpired } from "./certificate_expiry.ts";
import { runtimeStoreError } from "../network_error.ts";

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates in a text, as PEM has them (RFC 7468, section 5), well-formed or not. */
export function certificatesIn(text: string): string[] {
  return text.match(CERTIFICATE) ?? [];
}

/**
 * Whether the runtime can read all of these certificates: only a client that is
 * made tells.
 *
 * Throws `usage` if the runtime can't make one, as one of its variables names
 * what can't be read.
 */
export function areWellFormed(certificates: string[]): boolean {
  try {
    Deno.createHttpClient({ caCerts: certificates }).close();
    return true;
  } catch {
    makeClient({}).close();
    return false;
  }
}

/** Makes one of the runtime's clients. Throws `usage` if one of the runtime's variables names an unreadable file. */
export function makeClient(
  options: Deno.CreateHttpClientOptions,
): Deno.HttpClient {
  try {
    return Deno.createHttpClient(options);
  } catch (error) {
    throw runtimeStoreError(error) ?? error;
  }
}

/** Those of the certificates that the runtime can read. */
export function wellFormed(certificates: string[]): string[] {
  return areWellFormed(certificates)
    ? certificates
    : certificates.filter((one) => areWellFormed([one]));
}

/**
 * The text of a file of certificates, up to 10 MiB: a device may have no end.
 *
 * Throws what `unusable` makes of the reason, and `usage` for damaged UTF-16.
 */
export async function readCertificateFile(
  path: string,
  unusable: (reason: string) => NanoctlError,
): Promise<string> {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (isFile && size <= BODY_LIMIT) {
      return takeText(Deno.readFileSync(path), `the file ${path}`, "usage");
    }
    const file = await interruptibly(() => Deno.open(path));
    return await readText(new Response(file.readable));
  } catch (error) {
    if (hasCode(error, "usage")) throw error;
    if (hasCode(error, "service_response")) {
      throw unusable("it is longer than 10 MiB");
    }
    throw unusable(
      error instanceof Deno.errors.NotFound
        ? "there is no such file"
        : "it can't be read",
    );
  }
}

/**
 * The PEM certificates that `--ca-file` or `NANOCTL_CA_FILE` names, one or many.
 *
 * Throws `usage` when the file can't be read, holds no certificate, holds a
 * malformed one, or none but expired ones.
 */
export async function readCaFile(path: string, now: Date): Promise<string[]> {
  const unusable = (reason: string): NanoctlError =>
    new NanoctlError(
      "usage",
      `the CA file ${path} can't be used: ${reason}`,
      "give a file with certificates in PEM form with --ca-file or NANOCTL_CA_FILE",
    );
  const certificates = certificatesIn(
    await readCertificateFile(path, unusable),
  );
  if (certificates.length === 0) throw unusable("it holds no PEM certificate");
  if (!areWellFormed(certificates)) {
    throw unusable("a certificate in it is malformed");
  }
  const time = asCertificateTime(now);
  const valid = certificates.filter((one) => !hasExpired(one, time));
  if (valid.length === 0) throw unusable("what it holds has expired");
  return valid;
}
