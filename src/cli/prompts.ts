import { Secret } from "@cliffy/prompt/secret";
import { NanoctlError } from "../errors.ts";
import { ownSystem } from "../process/system/systems.ts";

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const ENTER = [0x0a, 0x0d];

/** A mask longer than a line would be painted again below itself at every key. */
const MASK_LENGTH = 24;

const ESCAPE = 0x1b;
const MARK_LENGTH = 6;
const PASTE_MARKS = ["\x1b[200~", "\x1b[201~"].map((
  mark,
) => [...new TextEncoder().encode(mark)]);

type Key = Parameters<Secret["handleEvent"]>[0];

class MaskedPrompt extends Secret {
  protected override input(): string {
    return "*".repeat(Math.min(this.inputValue.length, MASK_LENGTH));
  }

  protected override message(): string {
    const text = super.message();
    this.cursor.x -= Math.max(0, this.inputIndex - MASK_LENGTH);
    return text;
  }

  protected override format(): string {
    return "*".repeat(8);
  }

  protected override async handleEvent(key: Key): Promise<void> {
    if (!key.ctrl || (key.name !== "u" && key.name !== "w")) {
      return await super.handleEvent(key);
    }
    this.inputValue = "";
    this.inputIndex = 0;
  }
}

/**
 * Asks for a secret on the terminal: the question on stderr, a mask in place
 * of what is typed. Ctrl-U and Ctrl-W clear it.
 *
 * The terminal does not echo from the question on to the end of the program,
 * when the runtime gives it back as it was, or to {@linkcode releaseTerminal}:
 * what is typed between two reads, or while the service is asked, must not be
 * seen either.
 *
 * Throws `interrupted` on Ctrl-C, on Ctrl-D and when the terminal goes away.
 */
export async function promptSecret(message: string): Promise<string> {
  listenForEnd();
  const keyboard = new Keyboard();
  Deno.stdin.setRaw(true);
  try {
    return await MaskedPrompt.prompt({
      message,
      prefix: "",
      reader: {
        read: (buffer) => keyboard.read(buffer),
        setRaw: () => {},
        isTerminal: () => false,
      },
      writer: Deno.stderr,
    });
  } finally {
    // Ctrl-C is a signal again, as it is wherever nobody reads keys.
    ownSystem.hush(Deno.stdin);
  }
}

/**
 * Waits for Enter; what else is typed is not shown. False when the terminal goes
 * away. The read goes on to the end of the program, so that no other prompt can
 * follow. Ctrl-C stays a signal.
 */
export async function waitForEnter(): Promise<boolean> {
  listenForEnd();
  ownSystem.hush(Deno.stdin);
  const keys = new Uint8Array(64);
  for (;;) {
    const length = await Deno.stdin.read(keys);
    if (length === null) return false;
    if (keys.subarray(0, length).some((key) => ENTER.includes(key))) {
      return true;
    }
  }
}

/** Gives the terminal back as it was before the first prompt: a child is to have it. */
export function releaseTerminal(): void {
  Deno.stdin.setRaw(false);
  for (const [signal, listener] of listeners) {
    Deno.removeSignalListener(signal, listener);
  }
  listeners.clear();
}

const listeners = new Map<Deno.Signal, () => void>();

/** So that the terminal is given back too when a signal ends the program. */
function listenForEnd(): void {
  if (listeners.size > 0) return;
  for (const [name, code] of Object.entries(ownSystem.endingSignals)) {
    const signal = name as Deno.Signal;
    const listener = (): void => {
      Deno.stdin.setRaw(false);
      endProcess(code);
    };
    Deno.addSignalListener(signal, listener);
    listeners.set(signal, listener);
  }
}

/** A worker can't end the process, but for a message to main.ts. */
function endProcess(code: number): void {
  const scope: { postMessage?(code: number): void } = globalThis;
  if (scope.postMessage) scope.postMessage(code);
  else Deno.exit(code);
}

/** Reads what is typed, and hands it on in pieces that make sense alone. */
class Keyboard {
  #pending = new Uint8Array();
  /** The start of a character whose rest is still to come. */
  #begun = new Uint8Array();

  /**
   * Fills a buffer that may be as small as one key. Throws `interrupted` by
   * itself, before the prompt would end the process.
   */
  async read(buffer: Uint8Array): Promise<number> {
    while (this.#pending.length === 0) {
      const keys = new Uint8Array(4096);
      const length = await Deno.stdin.read(keys);
      const typed = keys.subarray(0, length ?? 0);
      if (length === null || typed.includes(CTRL_C) || typed.includes(CTRL_D)) {
        Deno.stderr.writeSync(new TextEncoder().encode("\n"));
        throw new NanoctlError("interrupted", "interrupted");
      }
      this.#pending = this.#complete(withoutPasteMarks(typed));
    }
    const length = wholeKeys(this.#pending, buffer.length);
    buffer.set(this.#pending.subarray(0, length));
    this.#pending = this.#pending.slice(length);
    return length;
  }

  /** What was typed up to its last whole character; what is over waits. */
  #complete(typed: Uint8Array): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#begun.length + typed.length);
    all.set(this.#begun);
    all.set(typed, this.#begun.length);
    const whole = wholeCharacters(all);
    this.#begun = all.slice(whole);
    return all.slice(0, whole);
  }
}

/** How many bytes at the start are whole characters (UTF-8, RFC 3629). */
function wholeCharacters(bytes: Uint8Array): number {
  const start = bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  const lead = bytes[start] ?? 0;
  const size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return start + size > bytes.length ? start : bytes.length;
}

/** How many bytes, `limit` at most, end neither in a character (UTF-8) nor in an escape sequence. */
function wholeKeys(bytes: Uint8Array, limit: number): number {
  const escape = bytes.indexOf(ESCAPE, 1);
  let length = Math.min(bytes.length, limit, escape < 0 ? limit : escape);
  while (length > 1 && ((bytes[length] ?? 0) & 0xc0) === 0x80) length--;
  return length;
}

/** Some terminals put ESC [200~ and ESC [201~ around a paste. */
function withoutPasteMarks(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const kept: number[] = [];
  for (let index = 0; index < bytes.length; index++) {
    const isMark = PASTE_MARKS.some((mark) =>
      mark.every((byte, offset) => bytes[index + offset] === byte)
    );
    if (isMark) index += MARK_LENGTH - 1;
    else kept.push(bytes[index] ?? 0);
  }
  return new Uint8Array(kept);
}
