import { NanoctlError } from "../errors.ts";

/** What git asks for (git-credential(1), "Input/Output format"). */
export interface GitRequest {
  protocol: string;
  /** With its port, if the URL has one. */
  host: string;
  path: string | undefined;
  username: string | undefined;
}

/** What git is given. */
export interface GitAnswer {
  username: string;
  password: string;
  /** When the password ends; undefined if nobody knows. */
  expiresAt: Date | undefined;
}

/**
 * Reads the attributes that git writes, one a line as `key=value`, up to an
 * empty line. Unknown ones are ignored, and arrays (`capability[]`) are for
 * what we don't do. A `url` stands for its parts.
 *
 * Throws `usage` if it is not in this form.
 */
export function readRequest(text: string): GitRequest {
  const [lines = ""] = text.replaceAll("\r\n", "\n").split("\n\n");
  const found = new Map<string, string>();
  for (const line of lines.split("\n").filter((line) => line !== "")) {
    const at = line.indexOf("=");
    if (at < 1 || line.includes("\0")) throw notGits();
    const [key, value] = [line.slice(0, at), line.slice(at + 1)];
    if (key === "url") addUrl(found, value);
    else found.set(key, value);
  }
  const path = found.get("path") || undefined;
  const username = found.get("username") || undefined;
  return {
    protocol: found.get("protocol") ?? "",
    host: found.get("host") ?? "",
    path,
    username,
  };
}

function addUrl(found: Map<string, string>, text: string): void {
  const url = URL.parse(text);
  if (!url) throw notGits();
  found.set("protocol", url.protocol.slice(0, -1));
  found.set("host", url.host);
  if (url.pathname !== "/") found.set("path", url.pathname.slice(1));
  if (url.username) found.set("username", decodeURIComponent(url.username));
}

function notGits(): NanoctlError {
  return new NanoctlError(
    "usage",
    "the input is not what git writes to a credential helper",
    "let git call it: git config --global credential.helper '!nanoctl credential git'",
  );
}

/** The answer as git reads it; `password_expiry_utc` is in seconds since 1970. Throws `service_response` for a value that would end its line. */
export function writeAnswer(
  { username, password, expiresAt }: GitAnswer,
): string {
  const lines = [
    `username=${inLine(username)}`,
    `password=${inLine(password)}`,
    ...expiresAt
      ? [`password_expiry_utc=${Math.floor(expiresAt.getTime() / 1000)}`]
      : [],
  ];
  return lines.join("\n");
}

function inLine(value: string): string {
  if (!/[\n\r\0]/.test(value)) return value;
  throw new NanoctlError(
    "service_response",
    "the service's token holds a line break, which git can't take",
  );
}

/** A question of git's (gitcredentials(7), "GIT_ASKPASS"): what for, and where. */
export interface GitQuestion {
  wants: "username" | "password";
  request: GitRequest;
}

const QUESTION = /^(Username|Password) for '(https?:\/\/[^']+)':?\s*$/;

/** Reads git's question. Throws `usage` if it is none. */
export function readQuestion(text: string): GitQuestion {
  const [, what, url] = QUESTION.exec(text) ?? [];
  if (url === undefined) throw notGits();
  return {
    wants: what === "Username" ? "username" : "password",
    request: readRequest(`url=${url}`),
  };
}

/**
 * The user name that goes with an OAuth token where the service names none:
 * Bitbucket Cloud asks for its own, and the others take any.
 */
export function usernameFor(host: string): string {
  return host === "bitbucket.org" ? "x-token-auth" : "oauth2";
}
