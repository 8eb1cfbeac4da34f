/** How a command ends that has an exit code and nothing to say: that of a program it ran, or of a signal. */
export class ExitCode extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`ended with ${code}`);
    this.code = code;
  }
}
