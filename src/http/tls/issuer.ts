import { X509Certificate } from "node:crypto";
import { connect, rootCertificates } from "node:tls";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";

/** How long the service has to show its certificate once more, in milliseconds. */
const TIME_LIMIT = 2_000;
/** More than any name that helps, in UTF-16 code units. */
const LONGEST = 100;

/** More certificates than any server presents. */
const LONGEST_CHAIN = 10;

/** What an https server's certificate says. */
export interface ShownCertificate {
  /** The name of who issued it; undefined if it has none. */
  issuer: string | undefined;
  /** When it expires; undefined if that can't be told. */
  expiresAt: Date | undefined;
  /** The whole names of who issued it, who issued their certificate, and so on, as {@linkcode findSigner} takes them. */
  signers: string[];
}

/**
 * Who issued the certificate that an https server presents; undefined when that
 * can't be told. For an error alone: the certificate is not trusted, so nothing
 * but the handshake is sent.
 */
export function issuerOf(
  url: URL,
  signal: AbortSignal,
): Promise<string | undefined> {
  return handshake(
    url,
    signal,
    (socket) => nameOf(socket.getPeerCertificate().issuer),
  );
}

/**
 * The certificate that an https server presents; undefined when there is none to
 * see. Whether it is trusted is not looked at, and nothing but the handshake is sent.
 */
export function shownCertificate(
  url: URL,
  signal: AbortSignal,
): Promise<ShownCertificate | undefined> {
  return handshake(url, signal, (socket) => {
    const certificate = socket.getPeerCertificate(true);
    const expiresAt = new Date(certificate.valid_to);
    return {
      issuer: nameOf(certificate.issuer),
      expiresAt: Number.isNaN(expiresAt.getTime()) ? undefined : expiresAt,
      signers: chainOf(certificate)
        .map(({ raw }) => new X509Certificate(raw).issuer),
    };
  });
}

/** What can be read of a connection once it is secure; undefined if it never is. */
function handshake<T>(
  url: URL,
  signal: AbortSignal,
  read: (socket: TLSSocket) => T,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({
    host,
    port: Number(url.port || 443),
    servername: /^[\d.]+$|:/.test(host) ? "" : host,
    rejectUnauthorized: false,
  });
  const giveUp = (): void => resolve(undefined);
  const give = (): void => {
    try {
      resolve(read(socket));
    } catch {
      giveUp();
    }
  };
  const timer = setTimeout(giveUp, TIME_LIMIT);
  socket.once("secureConnect", give);
  socket.on("error", giveUp);
  signal.addEventListener("abort", giveUp);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    socket.destroy();
  });
}

function nameOf(
  issuer: DetailedPeerCertificate["issuer"] | undefined,
): string | undefined {
  const name = [issuer?.CN || issuer?.O].flat()[0];
  return name?.slice(0, LONGEST);
}

/** A certificate, that of its issuer, and so on, as far as the server sent them. */
function chainOf(first: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = first;
  while (next?.raw && !chain.includes(next) && chain.length < LONGEST_CHAIN) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** The name of the first of these authorities, in PEM, that is one of the signers; undefined if none is. */
export function findSigner(
  certificates: string[],
  signers: string[],
): string | undefined {
  for (const one of certificates) {
    try {
      const { subject } = new X509Certificate(one);
      if (!signers.includes(subject)) continue;
      const name = /^CN=(.*)$/m.exec(subject) ?? /^O=(.*)$/m.exec(subject);
      return (name?.[1] ?? subject.replaceAll("\n", ", ")).slice(0, LONGEST);
    } catch {
      // One that can't be read signs nothing either.
    }
  }
  return undefined;
}

/** The authorities that are built into the runtime, in PEM. */
export function builtInAuthorities(): string[] {
  return [...rootCertificates];
}

/** Whether one of these PEM certificates is the one of an authority of this name. */
export function isAmong(certificates: string[], name: string): boolean {
  return certificates.some((one) => {
    try {
      return new X509Certificate(one).subject.split("\n").some((part) =>
        part === `CN=${name}` || part === `O=${name}`
      );
    } catch {
      return false;
    }
  });
}
