import { joined, latin1, type Peer } from "./peer.ts";
import type { ProxyServer } from "./proxy_server.ts";
import { REPLY } from "./socks.ts";

/** The largest head that a proxy may answer CONNECT with, in bytes: 16 KiB. */
export const HEAD_LIMIT = 16 * 1024;

/** The head of a request for a tunnel (CONNECT; RFC 9110, section 9.3.6), with the login (Basic; RFC 7617). */
export function connectRequest(target: string, proxy: ProxyServer): Uint8Array {
  const { username = "", password } = proxy.credentials ?? {};
  const login = encode(`${username}:${password?.reveal() ?? ""}`).toBase64();
  return encode(
    [
      `CONNECT ${target} HTTP/1.1`,
      `Host: ${target}`,
      `Proxy-Authorization: Basic ${login}`,
      "\r\n",
    ].join("\r\n"),
  );
}

/** Reads what a proxy answers CONNECT with, as a reply of SOCKS. What follows its head stays to be read. */
export async function readAnswer(proxy: Peer): Promise<number> {
  let bytes = new Uint8Array();
  while (bytes.length <= HEAD_LIMIT) {
    const chunk = await proxy.next();
    if (!chunk) return REPLY.failure;
    bytes = joined(bytes, chunk);
    const text = latin1(bytes);
    if (text.length < "HTTP/1.1 200".length) continue;
    const [, status] = /^HTTP\/1\.\d (\d{3})/.exec(text) ?? [];
    // Some proxies say 401 of credentials that are wrong.
    if (status === "407" || status === "401") return REPLY.notAllowed;
    if (!status?.startsWith("2")) return REPLY.failure;
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    proxy.putBack(bytes.subarray(end + 4));
    return end + 4 <= HEAD_LIMIT ? REPLY.done : REPLY.failure;
  }
  return REPLY.failure;
}

/** Where to connect to for an http proxy. */
export function address({ url }: ProxyServer): Deno.ConnectOptions {
  const { hostname, port } = new URL(url);
  return {
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || 80),
  };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
