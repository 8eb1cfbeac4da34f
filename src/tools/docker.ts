import { NanoctlError } from "../errors.ts";
import { isObject } from "../json.ts";
import { Secret } from "../secret.ts";

/** The name by which docker calls us. */
export const HELPER_NAME = "docker-credential-nanoctl";

/** What a helper is asked to do. */
export type DockerAction = "store" | "get" | "erase" | "list" | "version";

const ACTIONS: readonly DockerAction[] = [
  "store",
  "get",
  "erase",
  "list",
  "version",
];

/** What a helper says on stdout, with exit code 1: docker compares the text. */
export class DockerRefusal extends Error {}

/** There is no login for the server: docker goes on without one. */
export function notFound(): DockerRefusal {
  return new DockerRefusal("credentials not found in native keychain");
}

/** A login, as docker has it stored. */
export interface DockerLogin {
  /** As docker names it: a URL, or a host with its port. */
  server: string;
  username: string;
  secret: Secret;
}

/** Reads an action. Throws a `DockerRefusal`. */
export function readAction(word: string): DockerAction {
  const found = ACTIONS.find((action) => action === word);
  if (found) return found;
  throw new DockerRefusal(`${HELPER_NAME}: unknown action: ${word}`);
}

/** Reads the login that `store` is given. Throws a `DockerRefusal` if a part is missing, and `usage` if it is in no such form. */
export function readLogin(text: string): DockerLogin {
  const {
    ServerURL: server = "",
    Username: username = "",
    Secret: secret = "",
  } = parse(text);
  if (
    typeof server !== "string" || typeof username !== "string" ||
    typeof secret !== "string"
  ) throw notDockers();
  if (server === "") throw noServer();
  if (username === "") throw new DockerRefusal("no credentials username");
  return { server, username, secret: new Secret(secret) };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // What the parser says of it may hold the secret.
  }
  throw notDockers();
}

/** Reads the server that `get` and `erase` are given. Throws a `DockerRefusal` if there is none. */
export function readServer(text: string): string {
  const server = text.replace(/\r?\n/g, "").trim();
  if (server === "") throw noServer();
  return server;
}

/** The answer to `get`. */
export function writeLogin({ server, username, secret }: DockerLogin): string {
  return writeObject([
    ["ServerURL", server],
    ["Username", username],
    ["Secret", secret.reveal()],
  ]);
}

/** The answer to `list`: user names by server. */
export function writeList(
  logins: [server: string, username: string][],
): string {
  return writeObject(logins);
}

/** The answer to `version`. */
export function writeVersion(version: string): string {
  return `${HELPER_NAME} (nanoctl) ${version}`;
}

/** In this order, which an object of ours would not keep. */
function writeObject(members: [name: string, value: string][]): string {
  return `{${members.map((pair) => pair.map(writeText).join(":")).join(",")}}`;
}

/** As Go's encoding/json writes a text. */
function writeText(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function noServer(): DockerRefusal {
  return new DockerRefusal("no credentials server URL");
}

function notDockers(): NanoctlError {
  return new NanoctlError(
    "usage",
    "the input is not what docker writes to a credential helper",
    `let docker call it: "credsStore": "nanoctl" in its config.json`,
  );
}

/** The parts of a server's name: a bare host means https. Undefined if it is none. */
export function hostIn(
  server: string,
): { protocol: string; host: string; path: string } | undefined {
  const url = URL.parse(
    /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `https://${server}`,
  );
  if (!url) return undefined;
  return {
    protocol: url.protocol.slice(0, -1),
    host: url.host,
    path: url.pathname.slice(1),
  };
}
