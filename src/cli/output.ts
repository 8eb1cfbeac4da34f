import type { Context } from "../process/context.ts";
import type { ErrorCode, NanoctlError } from "../errors.ts";
import { withoutSecrets } from "../secret.ts";

/**
 * C0, DEL and C1 control characters, and the bidirectional controls: what a
 * server could use to repaint a terminal or to turn a line of text around.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text without anything a terminal would obey; line breaks become spaces. */
export function plainText(text: string): string {
  return text.replace(/\r\n?|\n|\t/g, " ").replace(UNSAFE, "");
}

/** JSON in which every character that a terminal would obey is escaped, in one line or with an indent. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    UNSAFE,
    (char) =>
      // JSON.stringify itself has escaped those in texts.
      char === "\n"
        ? char
        : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** These say all in their message. */
const PLAIN: readonly ErrorCode[] = ["failed", "usage", "interrupted"];

/** The hint of an error that has none of its own. */
function explainHint({ code }: NanoctlError): string | undefined {
  return PLAIN.includes(code)
    ? undefined
    : `run 'nanoctl explain ${code}' to see what helps`;
}

/** How much is said, and in which form: the global options that concern output. */
export interface OutputOptions {
  json?: boolean | undefined;
  quiet?: boolean | undefined;
  verbose?: boolean | undefined;
}

/**
 * What the program says: data to stdout, everything for a person to stderr.
 * What is said to a person holds no secret, whoever put one into it.
 */
export class Output {
  readonly #context: Pick<Context, "stdout" | "stderr">;
  readonly json: boolean;
  readonly #quiet: boolean;
  readonly #verbose: boolean;
  /** The details that nobody waited for: the program must not end before them. */
  #details: Promise<unknown> = Promise.resolve();

  constructor(
    context: Pick<Context, "stdout" | "stderr">,
    options: OutputOptions = {},
  ) {
    this.#context = context;
    this.json = options.json ?? false;
    this.#quiet = options.quiet ?? false;
    this.#verbose = options.verbose ?? false;
  }

  /** One line of data to stdout, exactly as given. */
  async data(line: string): Promise<void> {
    await this.#details;
    await this.#context.stdout.write(`${line}\n`);
  }

  /** Bytes to stdout, exactly as given. */
  async bytes(data: Uint8Array): Promise<void> {
    await this.#details;
    await this.#context.stdout.write(data);
  }

  /** One JSON value on a line of its own to stdout. */
  async dataJson(value: unknown): Promise<void> {
    await this.data(safeJson(value));
  }

  /** One line to the person, on stderr; `--quiet` leaves it out. */
  async say(line: string): Promise<void> {
    if (!this.#quiet) await this.#line(line);
  }

  /** One line that the person needs to go on; `--quiet` leaves it in. */
  async instruct(line: string): Promise<void> {
    await this.#line(line);
  }

  /** As {@linkcode Output.say}, but tokens are shown: only for those that the embedded service makes. */
  async sayWithToken(line: string): Promise<void> {
    if (!this.#quiet) await this.#context.stderr.write(`${plainText(line)}\n`);
  }

  /**
   * One line that only `--verbose` shows, on stderr. Whoever does not wait for
   * it still has it written before any data that follows.
   */
  async detail(line: string): Promise<void> {
    if (!this.#verbose) return;
    const written = this.#line(line);
    this.#details = Promise.allSettled([this.#details, written]);
    await written;
  }

  /** A warning to the person; `--quiet` leaves it out. */
  async warn(line: string): Promise<void> {
    await this.say(`warning: ${line}`);
  }

  /** The error that ends the program, as text or with `--json` as an object. */
  async error(error: NanoctlError): Promise<void> {
    if (this.json) {
      const { code } = error;
      const message = withoutSecrets(error.message);
      const hint = error.hint && withoutSecrets(error.hint);
      await this.#context.stderr.write(
        `${safeJson({ error: { code, message, hint } })}\n`,
      );
      return;
    }
    await this.#line(`error: ${error.message}`);
    const hint = error.hint ?? explainHint(error);
    if (hint) await this.#line(`hint: ${hint}`);
  }

  async #line(text: string): Promise<void> {
    await this.#context.stderr.write(`${withoutSecrets(plainText(text))}\n`);
  }
}
