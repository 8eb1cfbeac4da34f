/**
 * The exit code of each error code, as docs/configuration.md lists them. Scripts
 * rely on both: the exit code, and with `--json` the `code` of the error.
 */
export const EXIT_CODES = {
  failed: 1,
  external_auth_required: 1,
  usage: 2,
  provider_unknown: 2,
  not_logged_in: 3,
  token_invalid: 4,
  token_expired: 4,
  token_revoked: 4,
  insufficient_scope: 4,
  login_denied: 4,
  login_expired: 4,
  login_ended: 4,
  network_name: 5,
  network_refused: 5,
  network_tls: 5,
  network_timeout: 5,
  network_proxy: 5,
  network_proxy_login: 5,
  network: 5,
  service_error: 6,
  service_response: 6,
  extra_missing: 6,
  rate_limited: 6,
  redirect_refused: 6,
  file_corrupt: 7,
  file_key: 7,
  file_permissions: 7,
  file_locked: 7,
  file_unwritable: 7,
  command_not_executable: 126,
  command_not_found: 127,
  interrupted: 130,
} as const;

/** What went wrong, as `--json` names it. */
export type ErrorCode = keyof typeof EXIT_CODES;

/**
 * The one error of nanoctl: a line for the person, a code for the script, and
 * where there is one a hint at what to do next. Never holds a secret.
 */
export class NanoctlError extends Error {
  override readonly name = "NanoctlError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }

  /** The exit code of the process that ends with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** Whether an error is ours and has one of these codes. */
export function hasCode(
  error: unknown,
  ...codes: ErrorCode[]
): error is NanoctlError {
  return error instanceof NanoctlError && codes.includes(error.code);
}
