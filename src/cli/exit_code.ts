/** How a command ends whose exit code is that of a program it ran. Not a failure of ours: nothing is said. */
export class ExitCode extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`ended with ${code}`);
    this.code = code;
  }
}
