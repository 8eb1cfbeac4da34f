import { join } from "@std/path";

const SCRIPT = `#!/bin/sh
# A key command for tests: it turns letters instead of encrypting, and keeps a
# record of how it was called. KEY_MODE has it misbehave.
folder=\${0%/*}
printf '%s\\n' "$*" >> "$folder/argv"
env >> "$folder/env"
for action; do :; done
case "\${KEY_MODE#"$action-"}" in
  fails) cat > /dev/null; echo "the key is locked" >&2; exit 3 ;;
  empty) cat > /dev/null; exit 0 ;;
  garbage) cat > /dev/null; echo "no base64!"; exit 0 ;;
  short) cat > /dev/null; echo AAAA; exit 0 ;;
  other) cat > /dev/null; echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; exit 0 ;;
  echoes) cat; exit 1 ;;
  large) cat > /dev/null; head -c 65537 /dev/zero; exit 0 ;;
  full) cat > /dev/null; head -c 65536 /dev/zero; exit 0 ;;
  deaf) exec < /dev/null; exit 4 ;;
  dies) kill -9 $$ ;;
  hangs) echo $$ > "$folder/pid"; exec sleep 600 ;;
  tells) echo "touch your key" >&2 ;;
esac
case $action in
  wrap | unwrap) exec tr A-Za-z N-ZA-Mn-za-m ;;
  *) exit 2 ;;
esac
`;

/** A program that wraps and unwraps data keys, as `--key-source command:` calls it. */
export class KeyCommand implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "nanoctl-command-" });
  readonly path: string = join(this.folder, "wrap key");

  constructor() {
    Deno.writeTextFileSync(this.path, SCRIPT, { mode: 0o755 });
  }

  /** What `--key-source` takes for it, with an argument of its own. */
  get source(): string {
    return `command:${JSON.stringify([this.path, "--key", "a b"])}`;
  }

  /** The arguments of its calls so far, one line each. */
  get calls(): string[] {
    return this.#read("argv").trim().split("\n").filter(Boolean);
  }

  /** The environments of its calls. */
  get environment(): string {
    return this.#read("env");
  }

  /** The process that hangs; undefined until it does. */
  get pid(): number | undefined {
    return Number(this.#read("pid")) || undefined;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  #read(name: string): string {
    try {
      return Deno.readTextFileSync(join(this.folder, name));
    } catch {
      return "";
    }
  }
}
