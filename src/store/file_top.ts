/** What decides which permissions a run needs, before the credential file is parsed. */
export interface FileTop {
  /** Whether a credential helper or a command may keep the key, which is a program to run. */
  mayNeedHelper: boolean;
  /** Whether a stored login renews itself, and whether one may have to do so now. */
  renewal: "none" | "later" | "due";
  /** Whether it may be a program that renews one. */
  mayRunCommand: boolean;
}

const NOTHING: FileTop = {
  mayNeedHelper: false,
  renewal: "none",
  mayRunCommand: false,
};

/** More bytes than what `formatFile` writes before the profiles of version 1. */
const TOP = 1024;
/** The same for version 2: 16 keys, of which each has at most 88 KiB. */
const TOP_2 = 1536 * 1024;
const BEGIN = '{\n  "version": 1,\n  "key": {\n    "source": "';
const BEGIN_2 = '{\n  "version": 2,\n  "key": {\n    "id": "';
const WITHOUT_HELPER = /^(keyfile|passphrase|environment)"/;
/** The source of a key of version 2 that runs no program, as we write it. */
const SLOT_WITHOUT_PROGRAM =
  /\n {8}"source": "(keyfile|passphrase|environment)",\n/g;
const NEXT_EXPIRY = /\n {2}"next_expiry": (?:null|"([^"]*)")/;
const NEXT_RENEWAL = /\n {2}"next_renewal": "([^"]*)"/;
const RUNS_COMMAND = '\n  "runs_command": true';
const PROFILES = '\n  "profiles": {';

/** A token is renewed 60 seconds before it expires at the latest; the rest is for a slow start. In milliseconds. */
const RENEWED_BEFORE = 120_000;
/** What a slow start may take, in milliseconds. */
const SLOW_START = 60_000;

/**
 * Reads the top of the credential file, with as little code as a start can have.
 * If the file is not laid out as nanoctl writes it, everything that may be so is.
 */
export function readTop(path: string | undefined, now: Date): FileTop {
  if (path === undefined) return NOTHING;
  try {
    // Opening a named pipe would wait for its other end.
    if (!Deno.statSync(path).isFile) return NOTHING;
    let text = textAtTop(path, TOP);
    if (text.startsWith(BEGIN_2) && !text.includes(PROFILES)) {
      text = textAtTop(path, TOP_2);
    }
    const end = text.indexOf(PROFILES);
    if (end < 0) return unknownTop(path);
    const top = text.slice(0, end);
    const mayNeedHelper = programIn(top);
    if (mayNeedHelper === undefined) return unknownTop(path);
    return {
      mayNeedHelper,
      renewal: renewalIn(top, now),
      mayRunCommand: top.includes(RUNS_COMMAND),
    };
  } catch {
    return NOTHING;
  }
}

/** Whether a key may take a program; undefined if the top is not laid out as we write it. */
function programIn(top: string): boolean | undefined {
  if (top.startsWith(BEGIN)) {
    return !WITHOUT_HELPER.test(top.slice(BEGIN.length));
  }
  if (!top.startsWith(BEGIN_2)) return undefined;
  const all = top.split('"source"').length - 1;
  const without = [...top.matchAll(SLOT_WITHOUT_PROGRAM)].length;
  // A name can be escaped.
  return all !== without || top.includes("\\");
}

function renewalIn(top: string, now: Date): FileTop["renewal"] {
  const found = NEXT_EXPIRY.exec(top);
  if (!found) return "none";
  const isFar = (date: string | undefined, milliseconds: number): boolean =>
    date === undefined || Date.parse(date) - now.getTime() > milliseconds;
  const isLater = isFar(found[1], RENEWED_BEFORE) &&
    isFar(NEXT_RENEWAL.exec(top)?.[1], SLOW_START);
  return isLater ? "later" : "due";
}

/** Someone else wrote the file, or there is more before the profiles than we write. */
function unknownTop(path: string): FileTop {
  const text = Deno.readTextFileSync(path);
  const isRenewable = /"renewable":\s*true/.test(text);
  return {
    mayNeedHelper: true,
    renewal: isRenewable ? "due" : "none",
    mayRunCommand: /"runs_command":\s*true/.test(text),
  };
}

function textAtTop(path: string, size: number): string {
  using file = Deno.openSync(path);
  const top = new Uint8Array(size);
  const read = file.readSync(top) ?? 0;
  return new TextDecoder().decode(top.subarray(0, read));
}
