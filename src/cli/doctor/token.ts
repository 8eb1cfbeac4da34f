import { hasCode } from "../../errors.ts";
import { isCommandOrigin } from "../../http/token_provider.ts";
import { tellsExpiry } from "../../services/names.ts";
import type { Account } from "../../services/service.ts";
import { expiryText, SOON } from "../expiry.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Whether there is a token for the service, and where it comes from. */
export async function checkLogin(facts: Facts): Promise<Finding> {
  const { origin, source, getToken } = await facts.provider();
  // Here a program that fails or asks for something is told from a refusal.
  if (isCommandOrigin(origin)) await getToken();
  const user = (await storedLogin(facts))?.username;
  return ok(`the token is from ${source}${user ? `, of ${user}` : ""}`);
}

/** Whether the service accepts the token, whose it is, and until when it is valid. */
export async function checkToken(facts: Facts): Promise<Finding> {
  const { context, options, output } = facts;
  const { openSession, whoami } = await import("../session/session.ts");
  const { target, snapshot } = await facts.target();
  const session = await openSession(
    context,
    options,
    output,
    { target, snapshot },
    await facts.provider(),
  );
  const isRenewable = (await storedLogin(facts))?.renewable === true;
  try {
    return await accepted(facts, await whoami(session), isRenewable);
  } catch (error) {
    const isRefused = hasCode(error, "token_expired", "token_invalid");
    if (!isRefused || !isRenewable) throw error;
    return warning(
      `${error.message}; the next command that uses it renews it`,
      "run 'nanoctl whoami', which renews it",
    );
  }
}

async function accepted(
  facts: Facts,
  { username, expiresAt: said, clockFault }: Account,
  isRenewable: boolean,
): Promise<Finding> {
  const { context } = facts;
  const { target: { service, profile } } = await facts.target();
  const expiresAt = said ?? (await storedLogin(facts))?.expiresAt;
  const now = context.now();
  const end = expiresAt || tellsExpiry(service)
    ? `it ${expiryText(expiresAt, now)}`
    : "no date is known at which it expires";
  const message = `valid, and you are ${username}; ${end}`;
  if (clockFault) {
    return warning(
      `${message}, by this machine's clock`,
      "set this machine's clock, or log in again",
    );
  }
  if (isRenewable) return ok(`${message}, and renews itself`);
  if (!expiresAt || expiresAt.getTime() - now.getTime() >= SOON) {
    return ok(message);
  }
  return warning(message, await newToken(facts, profile));
}

async function newToken(facts: Facts, profile: string): Promise<string> {
  const { origin, source } = await facts.provider();
  if (isCommandOrigin(origin)) {
    return `have the program of ${source} print a new token`;
  }
  if (origin !== "store") return `put a new token into ${source}`;
  const { loginCommand } = await import("../../tokens/not_logged_in.ts");
  return `log in again with '${
    loginCommand(await facts.snapshot(), { profile })
  }'`;
}

/** What is stored of the login whose token is used; undefined if it comes from elsewhere. */
async function storedLogin(
  facts: Facts,
): Promise<
  | { username: string; renewable: boolean; expiresAt: Date | undefined }
  | undefined
> {
  if (facts.isTokenGiven) return undefined;
  const { target: { profile } } = await facts.target();
  return (await facts.snapshot()).find(profile);
}
