import type { Context } from "../../process/context.ts";
import { proxyExceptions } from "../../process/variables.ts";
import { NanoctlError } from "../../errors.ts";
import { Secret } from "../../secret.ts";
import { isLoopback } from "../service_url.ts";

const SCHEMES = ["http:", "https:", "socks5:", "socks5h:"];

/** A proxy as a variable names it. */
export interface ProxyServer {
  /** Its host and port, for messages. */
  host: string;
  /** Its URL, without credentials. */
  url: string;
  /** What its URL holds before the `@`, without percent escapes; either may be empty. */
  credentials?: { username: string; password: Secret };
}

/** Which way a request goes, and why. */
export type ProxyChoice =
  | { by: "proxy"; proxy: ProxyServer; variable: string }
  /** `NO_PROXY` excepts the host from what the variable names. */
  | { by: "exception"; exception: string; variable: string }
  /** The host is this machine, whose requests take no proxy. */
  | { by: "loopback" }
  /** No variable names a proxy. */
  | { by: "nothing" };

/**
 * The proxy that a request to this URL goes through; undefined when it goes
 * direct. The runtime goes by the same variables and does the work, but for
 * proxies with credentials (src/http/connections.ts).
 *
 * Throws `network_proxy` for a variable that the runtime would pass over
 * because no proxy's URL is in it: then the request would go direct.
 */
export function proxyFor(
  context: Pick<Context, "env">,
  url: URL,
): ProxyServer | undefined {
  const choice = proxyChoice(context, url);
  return choice.by === "proxy" ? choice.proxy : undefined;
}

/** The same with the reason. Throws as {@linkcode proxyFor} does. */
export function proxyChoice(
  { env }: Pick<Context, "env">,
  url: URL,
): ProxyChoice {
  if (isLoopback(url.hostname)) return { by: "loopback" };
  const variable = variablesFor(url, env).find((name) => env.get(name));
  if (variable === undefined) return { by: "nothing" };
  const exception = ["NO_PROXY", "no_proxy"].find((name) => env.get(name));
  if (exception && isExcepted(url.hostname, env.get(exception) ?? "")) {
    return { by: "exception", exception, variable };
  }
  const proxy = parse(variable, env.get(variable) ?? "");
  return { by: "proxy", proxy, variable };
}

/** The variables that may name the proxy for a URL, in the order in which the runtime asks them. */
function variablesFor(url: URL, env: Context["env"]): string[] {
  const names = ["ALL_PROXY", "all_proxy"];
  if (url.protocol === "https:") {
    return [...names, "HTTPS_PROXY", "https_proxy"];
  }
  // To a CGI program HTTP_PROXY is what the client's header "Proxy" says.
  if (env.get("REQUEST_METHOD") !== undefined) return names;
  return [...names, "HTTP_PROXY", "http_proxy"];
}

function parse(variable: string, value: string): ProxyServer {
  const full = value.includes("://") ? value : `http://${value}`;
  const url = URL.parse(full);
  if (url?.host && SCHEMES.includes(url.protocol)) {
    const { host, protocol } = url;
    return {
      host,
      url: `${protocol}//${host}`,
      ...(/^[^/]*\/\/[^/\\?#]*@/.test(full)
        ? { credentials: credentialsOf(url) }
        : {}),
    };
  }
  throw new NanoctlError(
    "network_proxy",
    `${variable} does not hold the URL of a proxy, so nothing was sent`,
    `give it as ${variable}=http://host:port, or unset it`,
  );
}

function credentialsOf(
  { username, password }: URL,
): { username: string; password: Secret } {
  return {
    username: withoutEscapes(username),
    password: new Secret(withoutEscapes(password)),
  };
}

/** A percent sign that begins no escape stands for itself. */
function withoutEscapes(text: string): string {
  return text.replace(/(%[0-9a-f]{2})+/gi, (escapes) => {
    const bytes = escapes.slice(1).split("%").map((hex) => parseInt(hex, 16));
    return new TextDecoder("utf-8", { ignoreBOM: true })
      .decode(Uint8Array.from(bytes));
  });
}

function isExcepted(hostname: string, exceptions: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const bits = bitsOf(host);
  return proxyExceptions(exceptions).some((entry) =>
    bits === undefined ? coversName(entry, host) : coversAddress(entry, bits)
  );
}

function coversName(entry: string, name: string): boolean {
  const suffix = entry.startsWith(".") ? entry : `.${entry}`;
  return entry === "*" || `.${name}`.endsWith(suffix);
}

function coversAddress(entry: string, bits: string): boolean {
  const [address = "", length = `${bits.length}`] = entry.split("/");
  const network = bitsOf(address);
  // What is no number excepts nothing here, as it does for the runtime.
  return network?.length === bits.length && /^\d{1,3}$/.test(length) &&
    Number(length) <= bits.length &&
    bits.startsWith(network.slice(0, Number(length)));
}

/** The 32 or 128 bits of an IP address as text; undefined for anything else. */
function bitsOf(address: string): string | undefined {
  const binary = (part: string, radix: number, width: number): string =>
    parseInt(part, radix).toString(2).padStart(width, "0");
  // A leading zero may mean octal: to the runtime that is no address.
  if (/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}$/.test(address)) {
    return address.split(".").map((part) => binary(part, 10, 8)).join("");
  }
  if (!/^[\da-f:.]+$/i.test(address)) return undefined;
  const normal = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  if (normal === undefined) return undefined;
  const [head = [], tail = []] = normal.split("::")
    .map((groups) => groups === "" ? [] : groups.split(":"));
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail]
    .map((group) => binary(group, 16, 16)).join("");
}
