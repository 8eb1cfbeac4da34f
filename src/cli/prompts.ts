import { Secret } from "@cliffy/prompt/secret";
import { NanoctlError } from "../errors.ts";

const CTRL_C = 0x03;
const CTRL_D = 0x04;

/** A mask longer than a line would be painted anew below itself at every key. */
const MASK_LENGTH = 24;

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
}

/**
 * Asks for a secret on the terminal: the question on stderr, a mask in place
 * of what is typed.
 *
 * The terminal stays in raw mode for the whole question. Left to itself the
 * prompt switches between two reads, and what arrives in between is echoed.
 *
 * Throws `interrupted` on Ctrl-C, on Ctrl-D and when the terminal goes away.
 */
export async function promptSecret(message: string): Promise<string> {
  Deno.stdin.setRaw(true);
  try {
    return await MaskedPrompt.prompt({
      message,
      prefix: "",
      reader: {
        read: readKeys,
        setRaw: () => {},
        isTerminal: () => false,
      },
      writer: Deno.stderr,
    });
  } finally {
    Deno.stdin.setRaw(false);
  }
}

/** Ends the question itself, before the prompt would end the process. */
async function readKeys(buffer: Uint8Array): Promise<number | null> {
  const length = await Deno.stdin.read(buffer);
  const keys = buffer.subarray(0, length ?? 0);
  if (length !== null && !keys.includes(CTRL_C) && !keys.includes(CTRL_D)) {
    return length;
  }
  Deno.stderr.writeSync(new TextEncoder().encode("\n"));
  throw new NanoctlError("interrupted", "interrupted");
}
