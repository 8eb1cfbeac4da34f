import { NanoctlError } from "../errors.ts";
import { ownSystem } from "./system/systems.ts";

/** The variable with the command of a program that prints the token: a start has to know of it. */
export const TOKEN_COMMAND = "NANOSERVICES_TOKEN_COMMAND";

/** The variable that says that what is stored is only read: a start has to know of it. */
export const READ_ONLY = "NANOCTL_READ_ONLY";

const LOOPBACK_NAMES = "localhost,127.0.0.0/8,::1";

/** A variable. Throws `usage` if it is not UTF-8: what Deno says then holds its value. */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    throw new NanoctlError(
      "usage",
      `the variable ${name} is not text in UTF-8`,
      "unset it, or set it anew",
    );
  }
}

/** A variable; undefined if it is not UTF-8, which is reported where it is needed. */
export function variableIfText(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

function isText(name: string): boolean {
  try {
    Deno.env.get(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Deno reads NO_PROXY for its first connection, so this comes first. Returns the
 * environment as it was, if it had to be changed.
 */
export function bypassProxyForLoopback(): Record<string, string> | undefined {
  const inherited = Deno.env.toObject();
  const { variableKey } = ownSystem;
  const names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];
  const keys = [...names, ...names.map((name) => name.toLowerCase())];
  const isGiven = Object.entries(inherited).some(([name, value]) =>
    value !== "" && keys.includes(variableKey(name))
  );
  if (!isGiven) return undefined;
  // A variable that is not UTF-8 is reported when a request is sent.
  if (!["NO_PROXY", "no_proxy"].every(isText)) return undefined;
  const given = variableIfText("NO_PROXY") || variableIfText("no_proxy") || "";
  Deno.env.set(
    "NO_PROXY",
    [...proxyExceptions(given), LOOPBACK_NAMES].join(),
  );
  return inherited;
}

/**
 * Creates something, such as a Deno.HttpClient, that bypasses all proxies: it
 * reads the variables while it is created, and meanwhile NO_PROXY excepts
 * everything. No other code runs meanwhile.
 */
export function withoutProxies<T>(make: () => T): T {
  const given = variable("NO_PROXY");
  Deno.env.set("NO_PROXY", proxyExceptions("*").join());
  try {
    return make();
  } finally {
    if (given === undefined) Deno.env.delete("NO_PROXY");
    else Deno.env.set("NO_PROXY", given);
  }
}

/**
 * Creates something, such as a Deno.HttpClient, that trusts the system's store in
 * addition to the built-in authorities. The runtime reads that store once for the
 * process, for its first client. Programs that we run don't see the variable.
 */
export function withSystemStore<T>(make: () => T): T {
  Deno.env.set("DENO_TLS_CA_STORE", "mozilla,system");
  try {
    return make();
  } finally {
    Deno.env.delete("DENO_TLS_CA_STORE");
  }
}

/**
 * The entries of NO_PROXY as Deno understands them: it takes them literally,
 * doesn't support `*.name`, and to it `*` covers names only.
 */
export function proxyExceptions(given: string): string[] {
  return given.split(",")
    .map((entry) => entry.trim().toLowerCase())
    .map((entry) => entry.replace(/^\*\./, ".").replace(/^\[(.*)\]$/, "$1"))
    .filter((entry) => entry !== "")
    .flatMap((entry) => entry === "*" ? ["*", "0.0.0.0/0", "::/0"] : [entry]);
}
