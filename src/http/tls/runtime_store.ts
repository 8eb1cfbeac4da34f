/** The systems whose store is not a file: the runtime reads it once, for its first client. */
export const READ_BY_RUNTIME: readonly string[] = ["darwin", "windows"];
