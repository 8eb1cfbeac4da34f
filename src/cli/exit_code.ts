/** Ends a command with the exit code of a program that it ran. It is not our failure, so nothing is printed. */
export class ExitCode extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`ended with ${code}`);
    this.code = code;
  }
}
