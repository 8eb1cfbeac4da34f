import { hasCode, NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { TokenProvider } from "../http/token_provider.ts";
import type { Context } from "../process/context.ts";
import { Secret } from "../secret.ts";
import { sendDescribed } from "../services/description/request.ts";
import { originsOf } from "../services/description/urls.ts";
import type { Account } from "../services/service.ts";
import { fixedToken } from "../tokens/fixed.ts";
import type { GlobalOptions } from "./command_line/shared_options.ts";
import {
  failed,
  type Finding,
  ok,
  skipped,
  warning,
} from "./doctor/finding.ts";
import { expiryText } from "./expiry.ts";
import type { Output } from "./output.ts";
import type { ServiceUnderTest } from "./service_under_test.ts";
import { openSession, plainClient, whoami } from "./session/session.ts";

/** What a check of a description found. */
export interface ServiceFinding {
  name: "description" | "service" | "refusal" | "token" | "values";
  finding: Finding;
}

/** Everything that the checks need. */
interface Facts extends ServiceUnderTest {
  context: Context;
  options: GlobalOptions;
  output: Output;
}

const MEND = "docs/services.md says how a description tells them";

/** Checks a description against its service, one thing after the other. Throws `interrupted`. */
export async function* serviceChecks(
  context: Context,
  options: GlobalOptions,
  output: Output,
  found: ServiceUnderTest | NanoctlError,
): AsyncGenerator<ServiceFinding> {
  if (found instanceof NanoctlError) {
    yield { name: "description", finding: failed(found) };
    return;
  }
  const facts = { ...found, context, options, output };
  yield { name: "description", finding: describes(facts) };
  const service = await attempt(() => answers(facts));
  yield { name: "service", finding: service };
  const isThere = service.result === "ok";
  const away = skipped("the service does not answer as it should");
  yield {
    name: "refusal",
    finding: isThere ? await attempt(() => refuses(facts)) : away,
  };
  let account: Account | undefined;
  const { provider } = facts;
  yield {
    name: "token",
    finding: !isThere
      ? away
      : !provider
      ? noToken()
      : await attempt(async () => {
        account = await accountOf(facts, provider);
        return accepted(facts, account);
      }),
  };
  yield {
    name: "values",
    finding: account ? values(facts, account) : skipped("no account was read"),
  };
}

async function attempt(check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    const isOurs = error instanceof NanoctlError;
    if (!isOurs || hasCode(error, "interrupted")) throw error;
    return failed(error);
  }
}

function describes({ description, target }: Facts): Finding {
  const origins = new Set([
    new URL(target.url).origin,
    ...originsOf(description),
  ]);
  return ok(
    `${description.title} at ${target.url}; a token goes to ${
      [...origins].join(", ")
    }`,
  );
}

/** Asks without a token, which any service may refuse, but not with a page or a failure. */
async function answers(facts: Facts): Promise<Finding> {
  const { context, options, output, description, service, target } = facts;
  const [first] = description.account;
  if (!first) throw new Error("a description asks for an account");
  const client = await plainClient(
    context,
    options,
    output,
    target.url,
    service,
  );
  let seen: HttpAnswer | undefined;
  try {
    seen = await sendDescribed(description, client, first, (answer, source) => {
      seen = answer;
      return service.problem(answer, source);
    });
  } catch (error) {
    const isFault = !seen || seen.leftOrigin || seen.status >= 500 ||
      seen.status === 404;
    if (isFault) throw error;
  }
  return ok(
    `${new URL(client.baseUrl).origin} answers (status ${seen?.status})`,
  );
}

async function refuses(facts: Facts): Promise<Finding> {
  const secret = new Secret(`nanoctl-service-test-${crypto.randomUUID()}`);
  const provider = fixedToken({ secret }, "flag", "this test");
  try {
    const { username } = await accountOf(facts, provider);
    return failed(
      wrong(`a token that can't be valid was accepted, as ${username}'s`),
    );
  } catch (error) {
    if (hasCode(error, "token_invalid")) {
      return ok("a token that can't be valid is refused as token_invalid");
    }
    if (
      hasCode(
        error,
        "token_expired",
        "token_revoked",
        "insufficient_scope",
        "service_response",
      )
    ) {
      return failed(
        wrong(
          `a token that can't be valid is taken for ${error.code}: ${error.message}`,
        ),
      );
    }
    throw error;
  }
}

function wrong(message: string): NanoctlError {
  return new NanoctlError(
    "service_response",
    message,
    `say with refusals or invalid_on how it is refused; ${MEND}`,
  );
}

function noToken(): Finding {
  return skipped(
    "no token is known",
    "give one with --token-file or NANOSERVICES_TOKEN, or log in",
  );
}

async function accountOf(
  { context, options, output, ...found }: Facts,
  provider: TokenProvider,
): Promise<Account> {
  const session = await openSession(context, options, output, found, provider);
  return await whoami(session);
}

function accepted(
  { context, provider }: Facts,
  { username, scopes, expiresAt, expiryUnknown }: Account,
): Finding {
  const rights = scopes === undefined
    ? "its scopes are not known"
    : `its scopes are ${scopes.join(", ") || "none"}`;
  const end = expiryUnknown
    ? "when it expires is not known"
    : `it ${expiryText(expiresAt, context.now())}`;
  return ok(
    `the one from ${provider?.source} is valid, and you are ${username}; ${rights}; ${end}`,
  );
}

/** What is described and was nowhere in the answers to this token. */
function values(
  { description: { account } }: Facts,
  { email, scopes, expiresAt }: Account,
): Finding {
  const found = { email, scopes, expires_at: expiresAt };
  const missing = (["email", "scopes", "expires_at"] as const)
    .filter((name) => account.some((asked) => asked[name] !== undefined))
    .filter((name) => (found[name] ?? undefined) === undefined);
  if (missing.length === 0) return ok("there was one at a place of each kind");
  return warning(
    `no place gave a value for: ${missing.join(", ")}`,
    `check the places, if this token should have one; ${MEND}`,
  );
}
