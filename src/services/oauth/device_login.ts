import {
  deviceAuthorizationRequest,
  type DeviceAuthorizationResponse,
  deviceCodeGrantRequest,
  processDeviceAuthorizationResponse,
  processDeviceCodeResponse,
} from "oauth4webapi";
import type { Context } from "../../process/context.ts";
import { hasCode, NanoctlError } from "../../errors.ts";
import { treatAsSecret } from "../../secret.ts";
import type { GrantedTokens } from "../../grant.ts";
import { type Meaning, oauthErrorOf, oauthProblem } from "./problem.ts";
import { type Endpoint, withoutEndpoint } from "./server.ts";
import { tokensIn } from "./tokens.ts";

/** The interval of a server that names none, in seconds (RFC 8628, section 3.2). */
const DEFAULT_INTERVAL = 5;
/** What `slow_down` adds to it (section 3.5). */
const SLOWER = 5;
/** No server means more; a wrong answer must not stop the login for hours. In seconds. */
const MOST_INTERVAL = 300;

/** A device login that waits for a person (RFC 8628, section 3.2). */
export interface PendingLogin {
  userCode: string;
  verificationUri: string;
  verificationUriComplete: string | undefined;
  /** How long the code is valid, in seconds. */
  expiresIn: number;
  /** How long to wait between two polls, in seconds. */
  interval: number;
  /** Polls until the person has decided. */
  wait(context: Context, signal: AbortSignal): Promise<GrantedTokens>;
}

const EXPIRED: Meaning = {
  code: "login_expired",
  what: "says that the code expired before it was approved",
  hint: "start again with 'nanoctl login --device'",
  isOfTime: true,
};

const MEANINGS: Record<string, Meaning> = {
  access_denied: {
    code: "login_denied",
    what: "says that the login was denied",
    hint: "start again with 'nanoctl login --device', and approve it",
  },
  expired_token: EXPIRED,
  // What a server says of a code that it has forgotten.
  invalid_grant: EXPIRED,
};

/**
 * Asks for a device code (RFC 8628, section 3.1).
 *
 * Throws `service_response` if the server has no device login, `login_denied` if
 * it refuses the client or the scope, and what the client throws.
 */
export async function startDeviceLogin(
  endpoint: Endpoint,
  scope: string | undefined,
): Promise<PendingLogin> {
  const { server, client, auth, transport } = endpoint;
  if (server.device_authorization_endpoint === undefined) {
    throw withoutEndpoint(server, "device authorization");
  }
  try {
    const answer = await processDeviceAuthorizationResponse(
      server,
      client,
      await deviceAuthorizationRequest(
        server,
        client,
        auth,
        scope === undefined ? {} : { scope },
        transport,
      ),
    );
    return pendingLogin(endpoint, answer);
  } catch (error) {
    throw oauthProblem(error, server.issuer);
  }
}

function pendingLogin(
  endpoint: Endpoint,
  answer: DeviceAuthorizationResponse,
): PendingLogin {
  treatAsSecret(answer.device_code);
  const { issuer } = endpoint.server;
  const complete = answer.verification_uri_complete;
  const interval = Math.min(answer.interval ?? DEFAULT_INTERVAL, MOST_INTERVAL);
  return {
    userCode: checkedCode(answer.user_code, issuer),
    verificationUri: checkedPage(answer.verification_uri, issuer),
    verificationUriComplete: complete === undefined
      ? undefined
      : checkedPage(complete, issuer),
    expiresIn: answer.expires_in,
    interval,
    wait: (context, signal) =>
      poll(context, signal, endpoint, answer, interval),
  };
}

/** A code that a person can type. Throws `service_response`. */
function checkedCode(code: string, issuer: string): string {
  if (/^[\x20-\x7e]{1,64}$/.test(code)) return code;
  throw wrong(issuer, "user_code");
}

/** An address that a person can open. Throws `service_response`. */
function checkedPage(url: string, issuer: string): string {
  if (/^https?:\/\/[\x21-\x7e]+$/.test(url) && URL.canParse(url)) return url;
  throw wrong(issuer, "verification_uri");
}

function wrong(issuer: string, field: string): NanoctlError {
  return new NanoctlError(
    "service_response",
    `${new URL(issuer).origin} answered in the wrong shape: ${field}`,
  );
}

async function poll(
  context: Context,
  signal: AbortSignal,
  { server, client, auth, transport }: Endpoint,
  { device_code, expires_in }: DeviceAuthorizationResponse,
  interval: number,
): Promise<GrantedTokens> {
  const endsAt = context.now().getTime() + expires_in * 1000;
  for (let seconds = Math.max(interval, 1);;) {
    await context.sleep(seconds * 1000, signal);
    try {
      const answer = await processDeviceCodeResponse(
        server,
        client,
        await deviceCodeGrantRequest(
          server,
          client,
          auth,
          device_code,
          transport,
        ),
      );
      return tokensIn(answer, context.now());
    } catch (error) {
      const code = oauthErrorOf(error);
      if (code === "slow_down") seconds += SLOWER;
      // A laptop may sleep, or change its network, while someone looks for their phone.
      else if (isPassing(error)) seconds *= 2;
      else if (code !== "authorization_pending") {
        throw oauthProblem(error, server.issuer, MEANINGS);
      }
      seconds = Math.min(seconds, MOST_INTERVAL);
      if (context.now().getTime() >= endsAt) throw expired(server.issuer);
    }
  }
}

/** Whether an error may be over at the next poll (RFC 8628, section 3.5). */
function isPassing(error: unknown): boolean {
  return hasCode(
    error,
    "network",
    "network_name",
    "network_refused",
    "network_timeout",
    "rate_limited",
    "service_error",
  );
}

function expired(issuer: string): NanoctlError {
  return new NanoctlError(
    EXPIRED.code,
    `the code of ${new URL(issuer).origin} expired before it was approved`,
    EXPIRED.hint,
  );
}
