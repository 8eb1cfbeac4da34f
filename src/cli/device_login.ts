import type { GrantedTokens } from "../grant.ts";
import type { Browser } from "../process/browser.ts";
import type { Context } from "../process/context.ts";
import {
  type PendingLogin,
  startDeviceLogin,
} from "../services/oauth/device_login.ts";
import type { Endpoint } from "../services/oauth/server.ts";
import type { OAuthOptions } from "./oauth_options.ts";
import type { Output } from "./output.ts";
import { whileWaiting } from "./spinner.ts";

/**
 * Shows a code that a person approves in a browser, on any machine, and waits
 * for the tokens (RFC 8628).
 *
 * Throws `login_denied`, `login_expired`, `interrupted`, and what the client throws.
 */
export async function deviceLogin(
  context: Context,
  options: OAuthOptions,
  output: Output,
  endpoint: Endpoint,
): Promise<GrantedTokens> {
  const scope = options.scope ?? defaultScope(endpoint.server);
  const login = await startDeviceLogin(endpoint, scope);
  if (output.json) await output.dataJson(loginJson(login));
  else await show(context, options, output, login);
  const browser = output.json || options.noBrowser
    ? undefined
    : await offerBrowser(context, output);
  return await whileWaiting(
    context,
    { ...options, quiet: options.quiet || output.json },
    "Waiting for your approval in the browser",
    async (clear) => {
      if (browser) void openOnEnter(context, output, browser, login, clear);
      return await login.wait(context, context.signal);
    },
  );
}

/** Says that Enter opens a browser here, where there is one and someone to press it. */
async function offerBrowser(
  context: Context,
  output: Output,
): Promise<Browser | undefined> {
  if (!context.stdin.isTerminal || !context.stderr.isTerminal) return undefined;
  const { findBrowser } = await import("../process/browser.ts");
  const browser = findBrowser(context);
  if (browser) await output.instruct("Press Enter to open the page here.");
  return browser;
}

async function openOnEnter(
  context: Context,
  output: Output,
  browser: Browser,
  { verificationUri }: PendingLogin,
  clear: () => Promise<void>,
): Promise<void> {
  if (!await context.prompts.enter()) return;
  const { openPage } = await import("../process/browser.ts");
  // Everybody on this machine sees its command line, so the code is left out.
  if (await openPage(browser, verificationUri, context)) return;
  await clear();
  await output.warn("no browser could be opened here; open the page yourself");
}

/** What an OpenID provider needs to say who logged in, and where it offers that, to renew the login. */
function defaultScope(server: Endpoint["server"]): string | undefined {
  const { scopes_supported: known, subject_types_supported } = server;
  // A provider need not list its scopes, but its types of subjects (OpenID Connect Discovery 1.0, section 3).
  const isProvider = known?.includes("openid") ??
    subject_types_supported !== undefined;
  if (!isProvider) return undefined;
  return known?.includes("offline_access") ? "openid offline_access" : "openid";
}

function loginJson(login: PendingLogin): Record<string, unknown> {
  return {
    user_code: login.userCode,
    verification_uri: login.verificationUri,
    verification_uri_complete: login.verificationUriComplete ?? null,
    expires_in: login.expiresIn,
    interval: login.interval,
  };
}

async function show(
  context: Context,
  { noQr, quiet }: OAuthOptions,
  output: Output,
  login: PendingLogin,
): Promise<void> {
  const { userCode, verificationUri, verificationUriComplete } = login;
  const page = verificationUriComplete ?? verificationUri;
  const minutes = Math.max(1, Math.round(login.expiresIn / 60));
  const qr = context.stderr.isTerminal && !noQr && !quiet
    ? await qrLines(page)
    : [];
  // The address and the code come last: a small terminal may show no more.
  const lines = [
    ...qr.length === 0 ? [] : ["Scan this with your phone:", "", ...qr, ""],
    `${
      qr.length === 0 ? "On" : "Or on"
    } any device, open this page in a browser:`,
    "",
    `    ${verificationUri}`,
    "",
    "and enter this code:",
    "",
    `    ${userCode}`,
    "",
    `The code is valid for ${minutes} minute${minutes === 1 ? "" : "s"}.`,
  ];
  // Without these lines nobody could log in, so --quiet does not leave them out.
  for (const line of lines) await output.instruct(line);
}

async function qrLines(text: string): Promise<string[]> {
  const { renderUnicodeCompact } = await import("uqr");
  return renderUnicodeCompact(text, { border: 2 }).split("\n");
}
