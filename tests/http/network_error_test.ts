import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../src/errors.ts";
import { NanoctlError } from "../../src/errors.ts";
import {
  isPassing,
  networkError,
  timeoutError,
} from "../../src/http/network_error.ts";

/** What Deno says after the URL, and what it means. */
const FAILURES: [reason: string, code: ErrorCode, says: string][] = [
  [
    "(Connect): dns error: failed to lookup address information: Name or service not known",
    "network_name",
    "the name HOST was not found",
  ],
  [
    "(Connect): dns error: failed to lookup address information: Temporary failure in name resolution",
    "network_name",
    "the name HOST was not found",
  ],
  [
    "(Connect): tcp connect error: Connection refused (os error 111)",
    "network_refused",
    "nothing answers at ORIGIN (connection refused)",
  ],
  [
    "(Connect): tcp connect error: No connection could be made because the target machine actively refused it. (os error 10061)",
    "network_refused",
    "nothing answers at ORIGIN (connection refused)",
  ],
  [
    "(Connect): tcp connect error: Connection timed out (os error 110)",
    "network_timeout",
    "HOST did not answer in time",
  ],
  [
    "(Connect): tcp connect error: Network is unreachable (os error 101)",
    "network",
    "the connection to HOST failed",
  ],
  [
    "(SendRequest): connection closed before message completed",
    "network",
    "the connection to HOST failed",
  ],
  [
    "(SendRequest): connection error: Connection reset by peer (os error 104)",
    "network",
    "the connection to HOST failed",
  ],
  [
    "(SendRequest): invalid HTTP version parsed",
    "service_response",
    "what answers at ORIGIN does not speak HTTP",
  ],
  [
    "(Connect): unsuccessful tunnel",
    "network_proxy",
    "the proxy did not let the request to HOST through",
  ],
  [
    "(Connect): received corrupt message of type InvalidContentType",
    "network_tls",
    "no secure connection to HOST: the TLS handshake failed",
  ],
  [
    "(Connect): tls handshake eof",
    "network_tls",
    "no secure connection to HOST: the TLS handshake failed",
  ],
  [
    "(Connect): received fatal alert: ProtocolVersion",
    "network_tls",
    "no secure connection to HOST: the TLS handshake failed",
  ],
  [
    "(Connect): invalid peer certificate: UnknownIssuer",
    "network_tls",
    "no secure connection to HOST: its certificate is not signed by an authority that this machine trusts",
  ],
  [
    "(Connect): invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
    "network_tls",
    "no secure connection to HOST: it presents the certificate of an authority (CA:TRUE) as its own",
  ],
  [
    "(Connect): invalid peer certificate: BadSignature",
    "network_tls",
    "no secure connection to HOST: its certificate is not signed by an authority that this machine trusts",
  ],
  [
    "(Connect): invalid peer certificate: certificate not valid yet: verification time 1795300850 (UNIX), but certificate is not valid before 1795387250 (86400 seconds in future)",
    "network_tls",
    "no secure connection to HOST: its certificate is not valid yet",
  ],
  [
    "(Connect): invalid peer certificate: certificate does not allow extended key usage for server authentication, allows client authentication",
    "network_tls",
    "no secure connection to HOST: its certificate is not one for a server",
  ],
  [
    "(Connect): invalid peer certificate: BadEncoding",
    "network_tls",
    "no secure connection to HOST: its certificate is not valid",
  ],
  [
    "(Connect): proxy authentication required",
    "network_proxy_login",
    "the proxy wants a user name and a password that are right for the request to HOST",
  ],
  [
    "(Connect): invalid peer certificate: Expired",
    "network_tls",
    "no secure connection to HOST: its certificate has expired",
  ],
  [
    "(Connect): invalid peer certificate: certificate expired: verification time 1768478400 (UNIX), but certificate is not valid after 1700000000 (68478400 seconds ago)",
    "network_tls",
    "no secure connection to HOST: its certificate has expired",
  ],
  [
    "(Connect): invalid peer certificate: NotValidForName",
    "network_tls",
    "no secure connection to HOST: its certificate is for another name",
  ],
  [
    '(Connect): invalid peer certificate: certificate not valid for name "HOST"; certificate is only valid for DnsName("a.example")',
    "network_tls",
    "no secure connection to HOST: its certificate is for another name",
  ],
  [
    '(Connect): invalid peer certificate: certificate not valid for name "HOST"; certificate is only valid for DnsName("expired.example")',
    "network_tls",
    "no secure connection to HOST: its certificate is for another name",
  ],
];

/** Hosts and paths with words in them that must not be taken for a reason. */
const URLS = [
  "https://api.example/v1/me",
  "https://tls.example/v1/me",
  "https://proxy.example/tunnel?certificate=1",
  "https://expired.example/",
  "https://api.example:8443/dns%20error/connection%20refused?timed%20out",
];

function failedFetch(url: URL, reason: string): TypeError {
  return new TypeError(
    `error sending request for url (${url.href}): client error ${reason}`,
  );
}

describe("networkError", () => {
  for (const href of URLS) {
    const url = new URL(href);
    const filled = (text: string): string =>
      text.replaceAll("HOST", url.hostname);
    for (const [reason, code, says] of FAILURES) {
      it(`takes "${reason}" at ${href} as ${code}`, () => {
        const error = networkError(failedFetch(url, filled(reason)), url);
        assertEquals(error.code, code);
        assertEquals(
          error.message,
          says.replace("the name HOST", `the name ${url.hostname}`)
            .replace("HOST", url.host).replace("ORIGIN", url.origin),
        );
        assert(error.hint);
      });
    }
  }

  it("reads the reason out of the chain of causes too", () => {
    const url = new URL("https://tls.example/");
    const cause = new Error(
      "client error (Connect): tcp connect error: Connection refused",
    );
    const error = new TypeError("error sending request", { cause });
    assertEquals(networkError(error, url).code, "network_refused");
  });

  it("reads the form that names both addresses", () => {
    const url = new URL("https://proxy.example/");
    const error = new TypeError(
      "error sending request from 127.0.0.1:50000 for https://proxy.example/ (127.0.0.1:443): client error (SendRequest): connection closed before message completed",
    );
    assertEquals(networkError(error, url).code, "network");
  });

  it("says of a port that the runtime sends nothing to what it is", () => {
    const url = new URL("http://127.0.0.1:6000/");
    const error = new TypeError(
      "Fetch failed: Requests to port 6000 are blocked",
    );
    assertEquals(networkError(error, url).code, "usage");
    assertEquals(isPassing(networkError(error, url)), false);
  });

  it("has an answer to a body that breaks off", () => {
    const error = new TypeError("error reading a body from connection");
    assertEquals(
      networkError(error, new URL("https://tls.example/")).code,
      "network",
    );
  });

  for (const thrown of [undefined, "text", 7, { message: "tls" }]) {
    it(`has an answer to ${Deno.inspect(thrown)}, which is no error at all`, () => {
      const error = networkError(thrown, new URL("https://api.example/"));
      assertEquals(error.code, "network");
    });
  }

  it("never repeats the URL's path and query, or what Deno said", () => {
    const url = new URL("https://api.example/v1/me?token=nano_hidden");
    for (const [reason] of FAILURES) {
      const { message, hint } = networkError(failedFetch(url, reason), url);
      assertFalse(`${message} ${hint}`.includes("nano_hidden"), reason);
      assertFalse(`${message} ${hint}`.includes("os error"), reason);
    }
  });

  it("says how to start the embedded service when loopback refuses", () => {
    const url = new URL("http://127.0.0.1:7080/v1/me");
    const { hint } = networkError(
      failedFetch(url, "(Connect): tcp connect error: Connection refused"),
      url,
    );
    assert(hint?.includes("nanoctl dev-server"), hint);
    assert(hint?.includes("--url"), hint);
    assert(hint?.includes("NANOSERVICES_URL"), hint);
  });

  it("does not speak of the embedded service when another host refuses", () => {
    const url = new URL("https://api.example/");
    const { hint } = networkError(
      failedFetch(url, "(Connect): tcp connect error: Connection refused"),
      url,
    );
    assertFalse(hint?.includes("dev-server"), hint);
  });

  it("says how to trust an authority when the certificate is of an unknown one", () => {
    const url = new URL("https://api.example/");
    const { hint } = networkError(
      failedFetch(url, "(Connect): invalid peer certificate: UnknownIssuer"),
      url,
    );
    assert(hint?.includes("--ca-file"), hint);
  });
});

describe("timeoutError", () => {
  it("names the host and the limit, and how to raise it", () => {
    const error = timeoutError(new URL("https://api.example:8443/x"), 30);
    assertEquals([error.code, error.exitCode], ["network_timeout", 5]);
    assertEquals(error.message, "api.example:8443 did not answer within 30 s");
    assert(error.hint?.includes("--timeout"));
  });
});

describe("isPassing", () => {
  const codes: [ErrorCode, boolean][] = [
    ["network", true],
    ["network_name", true],
    ["network_refused", true],
    ["network_proxy", true],
    ["network_tls", false],
    ["redirect_refused", false],
    ["service_response", false],
    ["usage", false],
    ["interrupted", false],
  ];
  for (const [code, passing] of codes) {
    it(`says ${passing ? "yes" : "no"} to ${code}`, () => {
      assertEquals(isPassing(new NanoctlError(code, "x")), passing);
    });
  }

  it("says no to what is not an error of ours", () => {
    assertFalse(isPassing(new TypeError("network")));
  });
});
