import type { CommandGrant, ServiceGrant } from "../grant.ts";
import { isCommandOrigin, type TokenProvider } from "../http/token_provider.ts";
import type { Context } from "../process/context.ts";
import { systemOf } from "../process/system/systems.ts";
import type { Account } from "../services/service.ts";
import type { OAuthLogin, Way } from "./oauth_login.ts";
import type { OAuthOptions } from "./oauth_options.ts";
import type { Output } from "./output.ts";
import type { Session } from "./session/session.ts";
import type { ResolvedTarget } from "./session/target.ts";

/** A token that the service has accepted. */
export interface Login {
  session: Session;
  account: Account;
  /** What an OAuth server issued. */
  oauth?: OAuthLogin;
  /** How it is renewed where no OAuth server issued it: by the program that printed it, or by the service. */
  renewal?: Renewal;
}

/** What is stored to renew a token, and when that is due. */
interface Renewal {
  grant: CommandGrant | ServiceGrant;
  renewAt: Date | undefined;
}

/** Asks the service whose the token is. Throws what it throws, a refusal included. */
export async function validate(
  context: Context,
  options: OAuthOptions,
  output: Output,
  resolved: ResolvedTarget,
  provider: TokenProvider,
): Promise<Login> {
  const { openSession, whoami } = await import("./session/session.ts");
  const session = await openSession(
    context,
    options,
    output,
    resolved,
    provider,
  );
  const account = await whoami(session);
  if (isCommandOrigin(provider.origin)) {
    return await byCommand(context, options, session, account);
  }
  return account.renewable && account.expiresAt
    ? await byService(context, session, account, account.expiresAt)
    : { session, account };
}

async function byService(
  context: Context,
  session: Session,
  account: Account,
  expiresAt: Date,
): Promise<Login> {
  const { renewalTime } = await import("../grant.ts");
  const renewAt = renewalTime(expiresAt, context.now());
  const grant: ServiceGrant = { machine: { way: "service" } };
  return { session, account, renewal: { grant, renewAt } };
}

/** Adds what the program knows: when its token ends, and how to have another. */
async function byCommand(
  context: Context,
  options: OAuthOptions,
  session: Session,
  account: Account,
): Promise<Login> {
  const { givenCommand } = await import("../tokens/resolve.ts");
  const { renewalTime } = await import("../grant.ts");
  const { resolve } = await import("@std/path");
  const { command: [program = "", ...args] = [] } =
    givenCommand(context, options) ?? {};
  const told = (await session.provider.getToken()).expiresAt;
  const expiresAt = told ?? account.expiresAt;
  // It is to be found from any folder.
  const isPath = systemOf(context.os).isPath(program);
  const command = [isPath ? resolve(program) : program, ...args];
  return {
    session,
    account: told ? { ...account, expiresAt, expiryUnknown: false } : account,
    renewal: {
      grant: { machine: { way: "command", command } },
      renewAt: expiresAt && renewalTime(expiresAt, context.now()),
    },
  };
}

/** Gets a token from the OAuth server, and validates it. Throws as `oauthLogin` and {@linkcode validate} do. */
export async function loginBy(
  way: Way,
  context: Context,
  options: OAuthOptions,
  output: Output,
  resolved: ResolvedTarget,
): Promise<Login> {
  const { oauthLogin } = await import("./oauth_login.ts");
  const { plainClient } = await import("./session/session.ts");
  const { serviceOf } = await import("./session/services.ts");
  const { target } = resolved;
  const service = await serviceOf(context, target.service);
  const http = await plainClient(context, options, output, target.url, service);
  const oauth = await oauthLogin(
    context,
    options,
    output,
    { http, service, url: target.url },
    way,
  );
  const { expiresAt } = oauth.tokens;
  // A client that logs in as itself is no user that the server could name.
  if (oauth.machine !== undefined && target.service === "oauth") {
    const { openSession } = await import("./session/session.ts");
    const session = await openSession(
      context,
      options,
      output,
      resolved,
      oauth.provider,
    );
    return {
      session,
      account: { username: oauth.machine, email: null, expiresAt },
      oauth,
    };
  }
  const { session, account } = await validate(
    context,
    options,
    output,
    resolved,
    oauth.provider,
  );
  return {
    session,
    account: expiresAt
      ? { ...account, expiresAt, expiryUnknown: false }
      : account,
    oauth,
  };
}
