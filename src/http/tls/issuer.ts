import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";

/** How long the service has to show its certificate once more, in milliseconds. */
const TIME_LIMIT = 2_000;
/** More than any name that helps, in UTF-16 code units. */
const LONGEST = 100;

/**
 * Who issued the certificate that an https server presents; undefined when that
 * can't be told. For an error alone: the certificate is not trusted, so nothing
 * but the handshake is sent.
 */
export function issuerOf(
  url: URL,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({
    host,
    port: Number(url.port || 443),
    servername: /^[\d.]+$|:/.test(host) ? "" : host,
    rejectUnauthorized: false,
  });
  const give = (): void => resolve(nameOf(socket));
  const giveUp = (): void => resolve(undefined);
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

function nameOf(socket: TLSSocket): string | undefined {
  try {
    const { issuer } = socket.getPeerCertificate();
    const name = [issuer?.CN || issuer?.O].flat()[0];
    return name?.slice(0, LONGEST);
  } catch {
    return undefined;
  }
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
