/** Tags of DER (X.690, section 8.1.2) that come on the way to a certificate's validity. */
const VERSION = 0xa0;
const UTC_TIME = 0x17;

const HEADER = "-----BEGIN CERTIFICATE-----\n";
/** Eight lines of base64, which mostly hold the validity: to decode all of it takes a start too long. */
const START = 8 * 65;

/** One value of DER: its tag, where its content is, and where the next value begins. */
interface Value {
  tag: number;
  start: number;
  end: number;
}

/** A time as a certificate writes it (RFC 5280, section 4.1.2.5): `YYYYMMDDhhmmssZ`. */
export function asCertificateTime(date: Date): string {
  return date.toISOString().replace(/[-:T]|\.\d+/g, "");
}

/**
 * Whether a PEM certificate's time is over (RFC 5280, section 4.1.2.5), with
 * the current time as {@linkcode asCertificateTime} writes it. The runtime does
 * not look at that for an authority, OpenSSL and Go do. One that can't be read
 * is not over: the runtime says what is wrong with it.
 */
export function hasExpired(certificate: string, now: string): boolean {
  const base64 = certificate.slice(
    HEADER.length,
    certificate.indexOf("-", HEADER.length),
  );
  const end = endOf(base64.slice(0, START)) ?? endOf(base64);
  return end !== undefined && end < now;
}

/** `notAfter`; undefined where the certificate does not tell, or not this early. */
function endOf(base64: string): string | undefined {
  try {
    return notAfter(atob(base64));
  } catch {
    return undefined;
  }
}

function notAfter(der: string): string | undefined {
  const certificate = valueAt(der, 0);
  const signed = valueAt(der, certificate.start);
  let at = signed.start;
  const first = valueAt(der, at);
  if (first.tag === VERSION) at = first.end;
  // The serial number, the algorithm, the issuer.
  for (let skipped = 0; skipped < 3; skipped++) at = valueAt(der, at).end;
  const validity = valueAt(der, at);
  const notBefore = valueAt(der, validity.start);
  return timeOf(der, valueAt(der, notBefore.end));
}

function valueAt(der: string, at: number): Value {
  const tag = der.charCodeAt(at);
  let start = at + 2;
  let length = der.charCodeAt(at + 1);
  if (length >= 0x80) {
    const end = start + (length & 0x7f);
    for (length = 0; start < end; start++) {
      length = length * 256 + der.charCodeAt(start);
    }
  }
  return { tag, start, end: start + length };
}

/** A time of either kind: with four digits of the year, or with two of 1950 to 2049. */
function timeOf(
  der: string,
  { tag, start, end }: Value,
): string | undefined {
  const text = der.slice(start, end);
  if (!/^\d{12,14}Z$/.test(text)) return undefined;
  if (tag !== UTC_TIME) return text;
  return (text < "50" ? "20" : "19") + text;
}
