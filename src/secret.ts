const HIDDEN = "[secret]";

/** The forms of the known services' tokens; a Coder agent's token is any UUID. */
const TOKEN_LIKE =
  /(?<![A-Za-z0-9])(?:nano_[A-Za-z0-9]{16,}|[A-Za-z0-9]{10}-[A-Za-z0-9]{22}(?![A-Za-z0-9-]))/gi;
/** Shorter values are not hidden: they would be found in any text. */
const SHORTEST = 12;
const MOST_KNOWN = 64;
/** The latest secrets, and separately the latest values of requests, so that many of those don't push out a token. */
const known = { secrets: new Set<string>(), sent: new Set<string>() };

/**
 * The text without any secret of this process, such as a token that a server
 * repeats, and without anything that looks like a token, such as one that was
 * given where a name belongs.
 */
export function withoutSecrets(text: string): string {
  let clean = text;
  for (const value of [...known.secrets, ...known.sent]) {
    clean = clean.replaceAll(value, HIDDEN);
  }
  return clean.replace(TOKEN_LIKE, HIDDEN);
}

/** Whether a text has the form of a service's token. */
export function looksLikeToken(text: string): boolean {
  return text.search(TOKEN_LIKE) >= 0;
}

/** Whether the value of a query key, a field or a header of this name is not to be shown. */
export function namesSecret(name: string): boolean {
  return /token|key|secret|password|code|signature|authorization|cookie/i
    .test(name);
}

/** Makes a value that is sent in a request a secret of this process, in its URL-encoded forms too. */
export function treatAsSecret(value: string): void {
  remember(known.sent, value);
  // JSON may hold half of a surrogate pair, which no URL can.
  remember(known.sent, encodeURIComponent(value.toWellFormed()));
  remember(known.sent, new URLSearchParams([["", value]]).toString().slice(1));
}

/** Keeps only the latest values: every request adds some. */
function remember(values: Set<string>, value: string): void {
  if (value.length < SHORTEST) return;
  values.delete(value);
  values.add(value);
  const [oldest = ""] = values;
  if (values.size > MOST_KNOWN) values.delete(oldest);
}

/**
 * A string that must not be shown: a token, a key, a passphrase.
 *
 * Every way of printing it by accident (template strings, `JSON.stringify`,
 * `Deno.inspect`, an error's properties) gives `[secret]`; only
 * {@linkcode Secret.reveal} gives the value.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    remember(known.secrets, value);
  }

  /** The value itself, for a header, a sealed envelope or stdout. */
  reveal(): string {
    return this.#value;
  }

  /** Whether both hold the same value. */
  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return HIDDEN;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return HIDDEN;
  }
}
