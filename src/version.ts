/** The version of nanoctl (semantic versioning), as `--version` and the user agent say it. */
export const VERSION = "0.1.0";
