const HIDDEN = "[secret]";

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
