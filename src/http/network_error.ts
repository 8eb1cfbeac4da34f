import { hasCode, NanoctlError } from "../errors.ts";
import { isLoopback } from "./service_url.ts";

/**
 * A failed fetch as an error that tells one kind of failure from another. Deno
 * gives no codes for them, only the text of the chain of causes. `proxy` is the
 * host and port of the proxy that the request went through, if it did.
 */
export function networkError(
  error: unknown,
  url: URL,
  proxy?: string,
): NanoctlError {
  const text = reasonOf(error);
  // TLS alone tells that a connection was cut: "… without sending TLS close_notify".
  if (
    !/close_notify/.test(text) &&
    /certificate|tls|corrupt message|fatal alert/i.test(text)
  ) {
    return tlsError(text, url.host);
  }
  if (/proxy|tunnel/i.test(text)) {
    return proxyError(
      `the proxy ${proxy ?? ""} did not let the request to ${url.host} through`
        .replace("  ", " "),
    );
  }
  // Through a proxy the only connection that can fail is the one to the proxy.
  if (proxy && /\(Connect\)/.test(text)) {
    return proxyError(
      `the proxy ${proxy}, which the request to ${url.host} is to go through, can't be reached`,
    );
  }
  if (/dns error/i.test(text)) {
    return new NanoctlError(
      "network_name",
      `the name ${url.hostname} was not found`,
      "check the spelling of the URL and this machine's name service",
    );
  }
  if (/connection refused|os error 10061/i.test(text)) return refusedError(url);
  if (/timed out/i.test(text)) return timeoutError(url);
  if (
    /invalid HTTP|(version|content-length|transfer-encoding) parsed|head is too large/i
      .test(text)
  ) {
    return new NanoctlError(
      "service_response",
      `what answers at ${url.origin} does not speak HTTP`,
      "check the scheme and the port of the URL",
    );
  }
  if (
    /gzip|brotli|deflate|CRC computed|unexpected (end of file|EOF)/i.test(text)
  ) {
    return new NanoctlError(
      "service_response",
      `${url.origin} sent a body that can't be decompressed`,
      "check that the URL is the service's",
    );
  }
  return new NanoctlError(
    "network",
    `the connection to ${url.host} failed`,
    "check the network, then try again",
  );
}

function proxyError(message: string): NanoctlError {
  return new NanoctlError(
    "network_proxy",
    message,
    "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
  );
}

/** The answer did not come in time; `seconds` is the limit that was set. */
export function timeoutError(url: URL, seconds?: number): NanoctlError {
  const limit = seconds === undefined ? "in time" : `within ${seconds} s`;
  return new NanoctlError(
    "network_timeout",
    `${url.host} did not answer ${limit}`,
    "try again, or give it longer with --timeout <seconds>",
  );
}

/** Whether the same request may fare better: a wrong certificate stays wrong. */
export function isPassing(error: unknown): boolean {
  return hasCode(
    error,
    "network",
    "network_name",
    "network_refused",
    "network_proxy",
  );
}

/** The chain of causes without what comes before the reason: it holds the URL. */
function reasonOf(error: unknown): string {
  const texts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    texts.push(cause.message.replace(/^.*?client error/, ""));
  }
  return texts.join(": ");
}

function refusedError(url: URL): NanoctlError {
  const hint = isLoopback(url.hostname)
    ? "start the embedded service with 'nanoctl dev-server', or name another service with --url or NANOSERVICES_URL"
    : "check --url and whether the service is running";
  return new NanoctlError(
    "network_refused",
    `nothing answers at ${url.origin} (connection refused)`,
    hint,
  );
}

function tlsError(text: string, host: string): NanoctlError {
  const [reason, hint] = tlsReason(text);
  return new NanoctlError(
    "network_tls",
    `no secure connection to ${host}: ${reason}`,
    hint,
  );
}

function tlsReason(text: string): [string, string] {
  if (/NotValidForName|not valid for name/i.test(text)) {
    return ["its certificate is for another name", "check the host in --url"];
  }
  if (/UnknownIssuer|SelfSigned|CaUsedAsEndEntity/i.test(text)) {
    return [
      "its certificate is not signed by an authority that this machine trusts",
      "give the authority's certificate with --ca-file or NANOCTL_CA_FILE",
    ];
  }
  if (/expired/i.test(text)) {
    return [
      "its certificate has expired",
      "the service must renew it; check this machine's clock too",
    ];
  }
  return [
    "the TLS handshake failed",
    "check that the service speaks https at this port",
  ];
}
