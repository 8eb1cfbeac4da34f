/** The variables that hold a token, or the path of a file with one. */
export const TOKEN_VARIABLES = {
  file: "NANOSERVICES_TOKEN_FILE",
  value: "NANOSERVICES_TOKEN",
} as const;
