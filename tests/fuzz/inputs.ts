import fc from "fast-check";

/** Texts that programs stumble over. */
export const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  "\0",
  "\ud800",
  "\udc00x",
  "\u{1f600}",
  "\u001b[31mred",
  "\u009b2J",
  "\u202eback",
  "\r\n",
  "\u2028",
  "%",
  "%00",
  "%ff%fe",
  "..",
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "then",
  "null",
  "undefined",
  "NaN",
  "-1",
  "1e999",
  "0x10",
  "99999999999999999999",
  "0001-01-01T00:00:00Z",
  "9999-12-31T23:59:59-23:59",
  "2026-02-31T00:00:00Z",
  "https://elsewhere.example/",
  "http://[::1",
  "<script>",
  "x".repeat(5000),
];

/** Any text, half of a surrogate pair included. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 3, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 2, arbitrary: fc.string() },
  {
    weight: 1,
    arbitrary: fc.array(fc.nat(0xffff))
      .map((units) => String.fromCharCode(...units)),
  },
);

/** Any bytes, as a text with one character for each. */
export const anyBytes: fc.Arbitrary<string> = fc.uint8Array({ maxLength: 300 })
  .map((bytes) => String.fromCharCode(...bytes));

/** The bytes of such a text. */
export function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** A text as the bytes of its UTF-8, in the same form. */
export function binaryOf(text: string): string {
  return Array.from(
    new TextEncoder().encode(text),
    (byte) => String.fromCharCode(byte),
  ).join("");
}

/** Any JSON, and what is odd in JSON. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue() },
  { weight: 2, arbitrary: anyText },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      1.5,
      1e308,
      Number.MAX_SAFE_INTEGER,
      [],
      {},
      [[]],
      [null],
    ),
  },
  {
    weight: 1,
    arbitrary: anyText.map((name) => Object.fromEntries([[name, 1]])),
  },
);

/** One change of a JSON document; `at` counts its places, and wraps around. */
export interface JsonEdit {
  at: number;
  how:
    | "remove"
    | "replace"
    | "copy"
    | "add"
    | "rename"
    | "duplicate"
    | "deepen";
  /** The place whose value a copy takes. */
  from?: number;
  name: string;
  value: unknown;
}

/** Changes of a JSON document. */
export const jsonEdits: fc.Arbitrary<JsonEdit[]> = fc.array(
  fc.record({
    at: fc.nat(60),
    how: fc.oneof(
      { weight: 5, arbitrary: fc.constant("replace" as const) },
      { weight: 4, arbitrary: fc.constant("copy" as const) },
      {
        weight: 5,
        arbitrary: fc.constantFrom(
          "remove" as const,
          "add" as const,
          "rename" as const,
          "duplicate" as const,
        ),
      },
      { weight: 1, arbitrary: fc.constant("deepen" as const) },
    ),
    from: fc.nat(60),
    name: anyText,
    value: anyJson,
  }),
  { minLength: 1, maxLength: 4 },
);

/** A member of a document: where it hangs and under which name. */
type Place = [holder: Record<string, unknown> | unknown[], name: string];

/** How deep "deepen" nests: deeper than a recursive program can follow. */
const DEPTH = 20_000;
const DEEP_MARK = "deepened by the fuzzer";
const TWICE_MARK = "given twice by the fuzzer";

/** The text of a document with these changes. */
export function editedJson(document: unknown, edits: JsonEdit[]): string {
  const root = { document: structuredClone(document) };
  const twice: string[] = [];
  for (const edit of edits) {
    const places = placesOf(root);
    const place = places[edit.at % places.length];
    const [holder, name] = places[(edit.from ?? 0) % places.length] ??
      [root, "document"];
    const value = edit.how === "copy" ? memberOf(holder, name) : edit.value;
    if (place) apply(place, { ...edit, value }, twice);
  }
  return (JSON.stringify(root.document) ?? "")
    .replaceAll(
      `"${DEEP_MARK}"`,
      () => "[".repeat(DEPTH) + "]".repeat(DEPTH),
    )
    .replaceAll(
      `"${TWICE_MARK}":0`,
      () => twice.shift() ?? `"${TWICE_MARK}":0`,
    );
}

function placesOf(holder: Place[0]): Place[] {
  return Object.keys(holder).flatMap((name) => {
    const value = memberOf(holder, name);
    const below = isHolder(value) ? placesOf(value) : [];
    return [[holder, name] as Place, ...below];
  });
}

function apply(
  [holder, name]: Place,
  { how, name: other, value }: JsonEdit,
  twice: string[],
): void {
  const current = memberOf(holder, name);
  switch (how) {
    case "remove":
      Reflect.deleteProperty(holder, name);
      return;
    case "replace":
    case "copy":
      return define(holder, name, structuredClone(value));
    case "deepen":
      return define(holder, name, DEEP_MARK);
    case "add":
      return define(
        isHolder(current) ? current : holder,
        other,
        structuredClone(value),
      );
    case "rename":
      Reflect.deleteProperty(holder, name);
      return define(holder, other, current);
    case "duplicate":
      // The same name a second time, which only a text can hold.
      twice.push(
        `${JSON.stringify(name)}:${JSON.stringify(value) ?? "null"}`,
      );
      return define(holder, TWICE_MARK, 0);
  }
}

function memberOf(holder: Place[0], name: string): unknown {
  return Object.getOwnPropertyDescriptor(holder, name)?.value;
}

/** Also under names such as __proto__, which an assignment would take for something else. */
function define(holder: Place[0], name: string, value: unknown): void {
  if (Array.isArray(holder)) {
    holder.push(value);
    return;
  }
  Object.defineProperty(holder, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function isHolder(value: unknown): value is Place[0] {
  return typeof value === "object" && value !== null;
}

/** One change of a text: from a place on, so many characters go and others come. */
export interface TextEdit {
  at: number;
  remove: number;
  insert: string;
}

/** Changes of a text of about this length. */
export function textEdits(
  length: number,
  insert: fc.Arbitrary<string> = anyText,
): fc.Arbitrary<TextEdit[]> {
  return fc.array(
    fc.record({
      at: fc.nat(length),
      remove: fc.oneof(fc.nat(3), fc.nat(length)),
      insert,
    }),
    { minLength: 1, maxLength: 3 },
  );
}

/** The text with these changes. */
export function editedText(text: string, edits: TextEdit[]): string {
  return edits.reduce(
    (now, { at, remove, insert }) =>
      now.slice(0, at) + insert + now.slice(at + remove),
    text,
  );
}
