/**
 * What the store asks of the file system when it changes something. Tests put
 * one in its place that fails, or that looks at what a crash would leave.
 */
export type FileSystem = Pick<
  typeof Deno,
  "openSync" | "renameSync" | "removeSync" | "readDirSync"
>;
