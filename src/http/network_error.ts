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
  const store = runtimeStoreError(error);
  if (store) return store;
  // TLS alone tells that a connection was cut: "… without sending TLS close_notify".
  if (
    !/close_notify/.test(text) &&
    /certificate|tls|corrupt message|fatal alert/i.test(text)
  ) {
    return tlsError(text, url.host);
  }
  if (/proxy authentication required/i.test(text)) {
    return proxyLoginError(url, proxy);
  }
  if (/proxy|tunnel/i.test(text)) {
    return proxyError(
      `the proxy ${proxy ?? ""} did not let the request to ${url.host} through`
        .replace("  ", " "),
      // Not every proxy says so when it is that.
      "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and the user name and password in the proxy's URL",
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
  if (/requests to port \d+ are blocked/i.test(text)) return blockedPort(url);
  if (/timed out|os error 10060/i.test(text)) return timeoutError(url);
  if (
    /invalid HTTP|(version|content-length|transfer-encoding) parsed|head is too large/i
      .test(text)
  ) {
    // Plain http is what the proxy itself answers; of https it sees nothing.
    if (proxy && url.protocol === "http:") {
      return proxyError(`the proxy ${proxy} does not speak HTTP`);
    }
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

/**
 * The authorities that one of the runtime's own variables names can't be read;
 * undefined if something else failed.
 */
export function runtimeStoreError(error: unknown): NanoctlError | undefined {
  const text = reasonOf(error);
  const [, variable] = STORE_FAILURES.find(([said]) => said.test(text)) ?? [];
  if (!variable) return undefined;
  return new NanoctlError(
    "usage",
    `the certificates that ${variable} names can't be used`,
    `set ${variable} right, or unset it`,
  );
}

/** What the runtime says, and of which of its variables. */
const STORE_FAILURES: [said: RegExp, variable: string][] = [
  [/unknown certificate store/i, "DENO_TLS_CA_STORE"],
  [/failed to load platform certificates/i, "DENO_TLS_CA_STORE"],
  [/failed opening CA file|unable to add pem file/i, "DENO_CERT"],
];

function proxyError(
  message: string,
  hint = "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
): NanoctlError {
  return new NanoctlError("network_proxy", message, hint);
}

/** The proxy wants to know who we are, or does not believe it (407). */
export function proxyLoginError(url: URL, proxy?: string): NanoctlError {
  return new NanoctlError(
    "network_proxy_login",
    `the proxy ${
      proxy ?? ""
    } wants a user name and a password that are right for the request to ${url.host}`
      .replace("  ", " "),
    "put them into the proxy's URL: HTTPS_PROXY=http://user:password@host:port (or HTTP_PROXY)",
  );
}

/** The answer did not come in time; `seconds` is the limit that was set. */
export function timeoutError(
  url: URL,
  seconds?: number,
  proxy?: string,
): NanoctlError {
  const limit = seconds === undefined ? "in time" : `within ${seconds} s`;
  const way = proxy ? ` through the proxy ${proxy}` : "";
  return new NanoctlError(
    "network_timeout",
    `${url.host} did not answer ${limit}${way}`,
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

/** A port of another protocol, which Deno 2.8 sends no request to (WHATWG Fetch, "bad port"). */
function blockedPort(url: URL): NanoctlError {
  return new NanoctlError(
    "usage",
    `no request is sent to port ${url.port}: it belongs to another protocol`,
    "name another port in the URL",
  );
}

const UNTRUSTED = /UnknownIssuer|SelfSigned|BadSignature/i;
const TRUST_HINT =
  "if you trust it, give the authority's certificate with --ca-file or NANOCTL_CA_FILE";

/** Whether TLS failed because nobody here trusts who signed the certificate. */
export function isUntrusted(error: unknown): boolean {
  return UNTRUSTED.test(reasonOf(error));
}

/** As {@linkcode networkError} says it of such a failure, with the name of who signed. */
export function untrustedError(
  url: URL,
  issuer: string,
  hasExpired: boolean,
): NanoctlError {
  const [fault, hint] = hasExpired
    ? [
      "whose own certificate on this machine has expired",
      "install the authority's new certificate; check this machine's clock too",
    ]
    : ["which this machine does not trust", TRUST_HINT];
  return new NanoctlError(
    "network_tls",
    `no secure connection to ${url.host}: its certificate was issued by ${issuer}, ${fault}`,
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
  if (/CaUsedAsEndEntity/i.test(text)) {
    return [
      "it presents the certificate of an authority (CA:TRUE) as its own",
      "give the service a certificate with CA:FALSE, self-signed or signed by the authority",
    ];
  }
  if (UNTRUSTED.test(text)) {
    return [
      "its certificate is not signed by an authority that this machine trusts",
      TRUST_HINT,
    ];
  }
  if (/expired/i.test(text)) {
    return [
      "its certificate has expired",
      "the service must renew it; check this machine's clock too",
    ];
  }
  if (/not valid yet|NotValidYet/i.test(text)) {
    return [
      "its certificate is not valid yet",
      "check this machine's clock, then the service's certificate",
    ];
  }
  if (/extended key usage|InvalidPurpose/i.test(text)) {
    return [
      "its certificate is not one for a server",
      "give the service a certificate for server authentication",
    ];
  }
  if (/invalid peer certificate/i.test(text)) {
    return ["its certificate is not valid", "the service must get a new one"];
  }
  return [
    "the TLS handshake failed",
    "check that the service speaks https at this port",
  ];
}
