import {
  BINARY,
  type Home,
  killHard,
  latin1,
  NO_METADATA,
  shellQuote,
  WATCHDOG_SECONDS,
} from "./nanoctl.ts";

/** Keys with a special meaning to a prompt or the terminal. */
export const KEYS = {
  enter: "\r",
  backspace: "\x7f",
  ctrlC: "\x03",
  ctrlD: "\x04",
} as const;

/** The result of a program on a terminal. */
export interface Ending {
  code: number;
  /** Everything that the program printed to the terminal. */
  screen: string;
  /** The terminal's settings (`stty -g`) before the program ran, and after. */
  before: string;
  after: string;
}

/** How to run the program, if not in the default way. */
export interface TerminalOptions {
  env?: Record<string, string>;
  home?: Home;
  /** Shell text around the command, such as `% < /dev/null`; `%` stands for the command. */
  shell?: string;
}

const START = "[[start";
const END = "[[end";

/**
 * The program on its own pseudo-terminal, through script(1), which every Linux
 * has. The terminal echoes input unless the program disables that.
 */
export class Terminal {
  readonly #process: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  readonly #watchdog: ReturnType<typeof setTimeout>;
  #transcript = "";
  #ended = false;
  #hung = false;
  #wake = Promise.withResolvers<void>();

  constructor(args: string[], options: TerminalOptions = {}) {
    const { env = {}, home, shell = "%" } = options;
    const command = [BINARY, ...args].map(shellQuote).join(" ");
    // The shell reports the settings and its process through the terminal itself.
    const script = [
      // In the terminal's normal mode, the shell gets Ctrl-C too.
      "trap : INT",
      "stty rows 24 cols 80",
      `printf '${START} %s %s]]\\n' "$(stty -g)" $$`,
      shell.replaceAll("%", () => command),
      "code=$?",
      `printf '${END} %s]]\\n' "$(stty -g)"`,
      "exit $code",
    ].join("\n");
    this.#process = new Deno.Command("script", {
      args: ["-qefc", script, "/dev/null"],
      clearEnv: true,
      env: {
        PATH: "/usr/local/bin:/usr/bin:/bin",
        SHELL: "/bin/sh",
        TERM: "xterm",
        ...NO_METADATA,
        ...(home ? { HOME: home.path } : {}),
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keyboard = this.#process.stdin.getWriter();
    this.#read = this.#readAll();
    this.#watchdog = setTimeout(() => {
      this.#hung = true;
      killHard(this.#process);
    }, WATCHDOG_SECONDS * 1000);
  }

  /** All bytes that reached the terminal, one character each. */
  get transcript(): string {
    return this.#transcript;
  }

  /** Disables the watchdog, for a program that runs until the terminal is closed. */
  keepRunning(): void {
    clearTimeout(this.#watchdog);
  }

  /** The process of the shell around the program. */
  get shellPid(): number {
    return Number(/\[\[start \S+ (\d+)\]\]/.exec(this.#transcript)?.[1]);
  }

  /** Types or pastes the keys in one write. */
  async type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  /** Types key by key, each after the terminal has responded to the previous one. */
  async typeSlowly(keys: string): Promise<void> {
    for (const key of keys) {
      const length = this.#transcript.length;
      await this.type(key);
      await this.#until(() => this.#transcript.length > length, `a key's mask`);
    }
  }

  /** Waits until the terminal has shown a text after another one. */
  async waitFor(text: string, behind = ""): Promise<void> {
    await this.#until(() => {
      const start = this.#transcript.indexOf(behind);
      return start >= 0 &&
        this.#transcript.includes(text, start + behind.length);
    }, text);
  }

  /** Waits for the program to exit; throws if it had to be killed. */
  async end(): Promise<Ending> {
    await this.#read;
    await this.#close();
    const { code } = await this.#process.status;
    this.#throwIfHung();
    const [before = "", rest = ""] = this.#cut(START);
    const [screen = "", , after = ""] = split(rest, END);
    return { code, screen, before, after };
  }

  /** Closes the terminal, like a closed window. */
  async hangUp(): Promise<void> {
    killHard(this.#process);
    await this.#read;
    await this.#close();
    await this.#process.status;
    this.#throwIfHung();
  }

  #cut(marker: string): [string, string] {
    const [, rest = "", settings = ""] = split(this.#transcript, marker);
    return [settings, rest];
  }

  #throwIfHung(): void {
    if (this.#hung) throw new Error(`it hung; it had shown: ${this.#shown()}`);
  }

  #shown(): string {
    return JSON.stringify(this.#transcript.slice(-2000));
  }

  async #close(): Promise<void> {
    clearTimeout(this.#watchdog);
    await this.#keyboard.close().catch(() => {});
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.#ended) {
        throw new Error(`it ended before ${what}; it showed: ${this.#shown()}`);
      }
      await this.#wake.promise;
    }
  }

  async #readAll(): Promise<void> {
    for await (const chunk of this.#process.stdout) {
      this.#transcript += latin1(chunk);
      this.#signal();
    }
    this.#ended = true;
    this.#signal();
  }

  #signal(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** The text before a marker line, the text after it, and the settings in it. */
function split(text: string, marker: string): string[] {
  const start = text.indexOf(marker);
  if (start < 0) return [text, "", ""];
  const end = text.indexOf("]]", start);
  const [settings = ""] = text.slice(start + marker.length + 1, end).split(" ");
  return [text.slice(0, start), text.slice(end + 2), settings];
}
