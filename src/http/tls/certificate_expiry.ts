/** Tags of DER (X.690, section 8.1.2) that come on the way to a certificate's validity. */
const VERSION = 0xa0;
const UTC_TIME = 0x17;

const HEADER = "-----BEGIN CERTIFICATE-----\n";
/** Eight lines of base64, which mostly hold the validity: to decode all of it takes a start too long. */
const START = 8 * 65;

/** One value of DER: its tag, its content's start, and where the next value begins. */
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
 * Whether a PEM certificate has expired (RFC 5280, section 4.1.2.5), with
 * the current time as {@linkcode asCertificateTime} writes it. The runtime does
 * not check that for an authority, OpenSSL and Go do. An unreadable one counts as
 * valid: the runtime says what is wrong with it.
 */
export function hasExpired(certificate: string, now: string): boolean {
  const base64 = certificate.slice(
    HEADER.length,
    certificate.indexOf("-", HEADER.length),
  );
  const end = endOf(base64.slice(0, START)) ?? endOf(base64);
  return end !== undefined && end < now;
}

/** What a certificate's base64 starts with, in bytes: the validity is mostly in there. */
const START_BYTES = 384;
const START_LINES = new RegExp(`^${HEADER}(?:[A-Za-z0-9+/]{64}\n){8}`);
/** Validity in two UTCTimes, as nearly every certificate has it, by its bytes. */
// deno-lint-ignore no-control-regex
const VALIDITY = /\x30\x1e\x17\x0d\d{12}Z\x17\x0d(\d{12}Z)/g;

/**
 * Sorts PEM certificates into valid ones and those that have expired.
 * A system has some 150: they are decoded at once, and where one has a single
 * place that looks like its validity, that is it. The others are read properly.
 */
export function splitByExpiry(
  all: string[],
  now: string,
): { certificates: string[]; expired: string[] } {
  const isUsual = all.map((one) => START_LINES.test(one));
  const usual = all.filter((_, index) => isUsual[index]);
  const starts = atob(
    usual.map((one) => one.slice(HEADER.length, HEADER.length + START)).join(
      "",
    ),
  );
  const certificates: string[] = [];
  const expired: string[] = [];
  let at = 0;
  for (const [index, one] of all.entries()) {
    let end: string | undefined;
    if (isUsual[index]) {
      const [first, second] = starts.slice(at, at + START_BYTES)
        .matchAll(VALIDITY);
      at += START_BYTES;
      if (first && !second) end = fullYear(first[1] ?? "");
    }
    const isOver = end === undefined ? hasExpired(one, now) : end < now;
    (isOver ? expired : certificates).push(one);
  }
  return { certificates, expired };
}

/** `notAfter`; undefined if it is missing or lies further on. */
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
  return tag === UTC_TIME ? fullYear(text) : text;
}

/** The two digits of a UTCTime stand for 1950 to 2049. */
function fullYear(text: string): string {
  return (text < "50" ? "20" : "19") + text;
}
