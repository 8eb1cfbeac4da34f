const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Uniformly random letters and digits. */
export function randomText(length: number, letters = BASE62): string {
  const { length: count } = letters;
  // The highest multiple of `count`: bytes from there on would favour the first letters.
  const beyond = 256 - 256 % count;
  let text = "";
  while (text.length < length) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < beyond) text += letters[byte % count];
  }
  return text;
}

/** Uniformly random digits. */
export function randomDigits(length: number): string {
  return randomText(length, BASE62.slice(0, 10));
}

/** Uniformly random hexadecimal digits in lower case. */
export function randomHex(length: number): string {
  return randomText(length, "0123456789abcdef");
}

/** Uniformly random digits and capital letters. */
export function randomCapitals(length: number): string {
  return randomText(length, BASE62.slice(0, 36));
}
