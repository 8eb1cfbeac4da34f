import { hasCode, NanoctlError } from "../errors.ts";
import { readText } from "./body.ts";

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The PEM certificates of a file (RFC 7468), one or many.
 *
 * Throws `usage` when the file can't be read or holds none that is well-formed.
 */
export async function readCaFile(path: string): Promise<string[]> {
  const certificates = (await read(path)).match(CERTIFICATE);
  if (!certificates) {
    throw unusable(path, "it holds no PEM certificate");
  }
  try {
    // Only a client that is made tells whether Deno can read them.
    Deno.createHttpClient({ caCerts: certificates }).close();
  } catch {
    throw unusable(path, "a certificate in it is malformed");
  }
  return certificates;
}

async function read(path: string): Promise<string> {
  try {
    // A device may have no end.
    const file = await Deno.open(path);
    return await readText(new Response(file.readable));
  } catch (error) {
    if (hasCode(error, "service_response")) {
      throw unusable(path, "it is longer than 10 MiB");
    }
    throw unusable(
      path,
      error instanceof Deno.errors.NotFound
        ? "there is no such file"
        : "it can't be read",
    );
  }
}

function unusable(path: string, reason: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `the CA file ${path} can't be used: ${reason}`,
    "give a file with certificates in PEM form with --ca-file or NANOCTL_CA_FILE",
  );
}
