const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Random letters and digits, each as likely as the others. */
export function randomText(length: number, letters = BASE62): string {
  const { length: count } = letters;
  // The highest multiple: beyond it the first letters would be likelier.
  const beyond = 256 - 256 % count;
  let text = "";
  while (text.length < length) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < beyond) text += letters[byte % count];
  }
  return text;
}

/** Random digits, each as likely as the others. */
export function randomDigits(length: number): string {
  return randomText(length, BASE62.slice(0, 10));
}

/** Random digits and capital letters, each as likely as the others. */
export function randomCapitals(length: number): string {
  return randomText(length, BASE62.slice(0, 36));
}
