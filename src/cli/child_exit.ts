/** How a command ends whose exit code is that of a program it ran. Not a failure of ours: nothing is said. */
export class ChildExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the program ended with ${code}`);
    this.code = code;
  }
}
