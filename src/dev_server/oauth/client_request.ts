import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { Secret } from "../../secret.ts";
import { fromBase64 } from "../clouds/cloud.ts";
import type { Guard } from "../guards.ts";
import type { Client, Clients } from "./clients.ts";
import { OAuthError, oauthErrorAnswer } from "./oauth_errors.ts";

const CHALLENGE = { "WWW-Authenticate": 'Basic realm="nanoctl dev-server"' };
/** The parameters that may come more than once (RFC 8693, section 2.1, and RFC 8707, section 2). */
const REPEATABLE = ["audience", "resource"];

/** Limits the form to 64 KiB, with an error in the format of RFC 6749, section 5.2. */
export const limitedForm: Guard = bodyLimit({
  maxSize: 64 * 1024,
  onError: () =>
    oauthErrorAnswer(
      new OAuthError("invalid_request", "The body is larger than 64 KiB."),
      413,
    ),
});

/** A request's form and the client that it comes from. */
export interface ClientRequest {
  readonly client: Client;
  readonly form: URLSearchParams;
}

/**
 * Reads the form of a request (RFC 6749, section 3.2) and authenticates its
 * client (section 2.3.1).
 *
 * @throws {OAuthError} `invalid_request` for a malformed form, or two ways of
 * authenticating; `invalid_client`.
 */
export async function readClientRequest(
  c: Context,
  clients: Clients,
): Promise<ClientRequest> {
  const form = await readForm(c);
  return { form, client: await authenticateClient(c, form, clients) };
}

/** A parameter of a form; one without a value counts as omitted (RFC 6749, section 3.2). */
export function parameter(
  form: URLSearchParams,
  name: string,
): string | undefined {
  return form.get(name) || undefined;
}

/**
 * A parameter that a form must have (RFC 6749, section 5.2).
 *
 * @throws {OAuthError} `invalid_request`
 */
export function requiredParameter(form: URLSearchParams, name: string): string {
  const value = parameter(form, name);
  if (value !== undefined) return value;
  throw new OAuthError("invalid_request", `The parameter ${name} is missing.`);
}

async function readForm(c: Context): Promise<URLSearchParams> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type)) {
    throw new OAuthError(
      "invalid_request",
      "The content type is not application/x-www-form-urlencoded.",
    );
  }
  const form = new URLSearchParams(await c.req.text());
  const once = [...form.keys()].filter((name) => !REPEATABLE.includes(name));
  if (new Set(once).size < once.length) {
    throw new OAuthError("invalid_request", "A parameter is given twice.");
  }
  return form;
}

async function authenticateClient(
  c: Context,
  form: URLSearchParams,
  clients: Clients,
): Promise<Client> {
  const header = c.req.header("authorization");
  const posted = {
    id: parameter(form, "client_id"),
    secret: parameter(form, "client_secret"),
  };
  const given = header === undefined ? posted : basicCredentials(header);
  if (header !== undefined && posted.secret !== undefined) {
    throw new OAuthError(
      "invalid_request",
      "The client authenticates in more than one way.",
    );
  }
  if (given && given.id !== (posted.id ?? given.id)) {
    throw new OAuthError(
      "invalid_request",
      "The client_id is not that of the Authorization header.",
    );
  }
  const client = given?.id === undefined
    ? undefined
    : await clients.authenticate(
      given.id,
      given.secret ? new Secret(given.secret) : undefined,
    );
  if (client !== undefined) return client;
  throw new OAuthError(
    "invalid_client",
    "The client is not known, or its secret is another.",
    header === undefined ? {} : CHALLENGE,
  );
}

interface Credentials {
  id: string | undefined;
  secret: string | undefined;
}

/** RFC 7617, section 2, of two texts that are form-encoded (RFC 6749, section 2.3.1); undefined if it is malformed. */
function basicCredentials(header: string): Credentials | undefined {
  const [, base64 = ""] = /^Basic +(\S+)$/i.exec(header) ?? [];
  const bytes = fromBase64(base64);
  if (bytes === undefined) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const [, id, secret] = /^([^:]+):(.*)$/s.exec(text) ?? [];
    return { id: formDecoded(id), secret: formDecoded(secret) };
  } catch {
    return undefined;
  }
}

/** Throws a URIError if it is malformed. */
function formDecoded(text = ""): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
