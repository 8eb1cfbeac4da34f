/** What the admin route can change for rehearsals. It applies to what is issued from then on (RFC 6749, section 5.1). */
export interface OAuthSettings {
  /** The lifetime of an access token, in seconds (RFC 6749, section 5.1). */
  accessExpiresIn: number;
  /** The lifetime of a refresh token, in seconds. */
  refreshExpiresIn: number;
  /** The lifetime of a device code, in seconds (RFC 8628, section 3.2). */
  deviceExpiresIn: number;
  /** The time between two polls of a new device code, in seconds (RFC 8628, section 3.2). */
  interval: number;
  /** Whether a refresh replaces the refresh token (RFC 9700, section 4.14.2). */
  rotate: boolean;
  /** `after`: a refresh is carried out, and then answered with 503. */
  failRefresh: "after" | null;
}

/** The settings until the admin route changes them. */
export function defaultSettings(): OAuthSettings {
  return {
    accessExpiresIn: 60 * 60,
    refreshExpiresIn: 30 * 24 * 60 * 60,
    deviceExpiresIn: 10 * 60,
    interval: 5,
    rotate: true,
    failRefresh: null,
  };
}
