/** A program running on its own pseudo-terminal, through script(1). */
export class PseudoTerminal {
  readonly #process: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #finished: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #screen = "";

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#keyboard = process.stdin.getWriter();
    this.#finished = this.#watch();
  }

  /** Starts a shell command line on a new 80-column terminal. */
  static open(command: string, env: Record<string, string>): PseudoTerminal {
    const sized = `stty cols 80 rows 24; ${command}`;
    const args = Deno.build.os === "linux"
      ? ["-qefc", sized, "/dev/null"]
      : ["-q", "/dev/null", "sh", "-c", sized];
    return new PseudoTerminal(
      new Deno.Command("script", {
        args,
        clearEnv: true,
        env: { ...env, SHELL: "/bin/sh" },
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn(),
    );
  }

  /** All output so far, including control sequences. */
  get screen(): string {
    return this.#screen;
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  /** Waits until a text has appeared; throws if the program ends first. */
  async waitFor(text: string): Promise<void> {
    let ended = false;
    const end = this.#finished.then(() => ended = true);
    while (!this.#screen.includes(text)) {
      if (ended) throw new Error(`the program ended and never said: ${text}`);
      await Promise.race([
        new Promise<void>((resolve) => this.#waiting.add(resolve)),
        end,
      ]);
    }
  }

  /** Waits for the program to exit. */
  async end(): Promise<{ code: number; output: string }> {
    await this.#finished;
    await this.#keyboard.close().catch(() => {});
    const { code } = await this.#process.status;
    return { code, output: this.#screen };
  }

  async #watch(): Promise<void> {
    const text = this.#process.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      this.#screen += chunk;
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    }
  }
}
