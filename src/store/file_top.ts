/** What decides which permissions a run needs, before the credential file is parsed. */
export interface FileTop {
  /** Whether a credential helper may keep the key, which is a program to run. */
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

/** More bytes than what `formatFile` writes before the profiles. */
const TOP = 1024;
const BEGIN = '{\n  "version": 1,\n  "key": {\n    "source": "';
const WITHOUT_HELPER = /^(keyfile|passphrase|environment)"/;
const NEXT_EXPIRY = /\n {2}"next_expiry": (?:null|"([^"]*)")/;
const RUNS_COMMAND = '\n  "runs_command": true';
const PROFILES = '\n  "profiles": {';

/** A token is renewed 60 seconds before it expires at the earliest; the rest is for a slow start. In milliseconds. */
const RENEWED_BEFORE = 120_000;

/**
 * Reads the top of the credential file, with as little code as a start can have.
 * If the file is not laid out as nanoctl writes it, everything that may be so is.
 */
export function readTop(path: string | undefined, now: Date): FileTop {
  if (path === undefined) return NOTHING;
  try {
    // Opening a named pipe would wait for its other end.
    if (!Deno.statSync(path).isFile) return NOTHING;
    const text = textAtTop(path);
    const end = text.indexOf(PROFILES);
    if (!text.startsWith(BEGIN) || end < 0) return unknownTop(path);
    const top = text.slice(0, end);
    return {
      mayNeedHelper: !WITHOUT_HELPER.test(text.slice(BEGIN.length)),
      renewal: renewalIn(top, now),
      mayRunCommand: top.includes(RUNS_COMMAND),
    };
  } catch {
    return NOTHING;
  }
}

function renewalIn(top: string, now: Date): FileTop["renewal"] {
  const found = NEXT_EXPIRY.exec(top);
  if (!found) return "none";
  const [, date] = found;
  const left = date === undefined ? Infinity : Date.parse(date) - now.getTime();
  return left > RENEWED_BEFORE ? "later" : "due";
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

function textAtTop(path: string): string {
  using file = Deno.openSync(path);
  const top = new Uint8Array(TOP);
  const read = file.readSync(top) ?? 0;
  return new TextDecoder().decode(top.subarray(0, read));
}
