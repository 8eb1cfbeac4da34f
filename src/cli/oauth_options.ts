import type { GlobalOptions } from "./command_line/shared_options.ts";

/** The options of `login` that concern OAuth. */
export interface OAuthOptions extends GlobalOptions {
  device?: boolean | undefined;
  clientCredentials?: boolean | undefined;
  subjectTokenFile?: string | undefined;
  issuer?: string | undefined;
  clientId?: string | undefined;
  clientSecretFile?: string | undefined;
  scope?: string | undefined;
  audience?: string | undefined;
  noBrowser?: boolean | undefined;
  noQr?: boolean | undefined;
}
