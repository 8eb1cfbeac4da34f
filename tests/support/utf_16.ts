/** A variant of UTF-16. */
export interface Utf16 {
  name: string;
  bigEndian: boolean;
  mark: boolean;
}

/** Every variant: each byte order, with and without a byte order mark. */
export const UTF_16: Utf16[] = [false, true].flatMap((bigEndian) =>
  [true, false].map((mark) => ({
    name: `UTF-16${bigEndian ? "BE" : "LE"} ${
      mark ? "with" : "without"
    } a mark`,
    bigEndian,
    mark,
  }))
);

/** The variant that PowerShell's `>` writes. */
export const POWERSHELL: Utf16 = {
  name: "what PowerShell writes",
  bigEndian: false,
  mark: true,
};

/** Encodes a text in UTF-16. */
export function utf16(
  text: string,
  { bigEndian, mark }: Utf16,
): Uint8Array<ArrayBuffer> {
  const whole = mark ? `\ufeff${text}` : text;
  const view = new DataView(new ArrayBuffer(2 * whole.length));
  for (let at = 0; at < whole.length; at++) {
    view.setUint16(2 * at, whole.charCodeAt(at), !bigEndian);
  }
  return new Uint8Array(view.buffer);
}

/** Concatenates bytes. */
export function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
