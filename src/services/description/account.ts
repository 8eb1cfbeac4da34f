import { NanoctlError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import { clockFault } from "../../http/clock.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { jsonBody } from "../error_body.ts";
import type { Account, Service } from "../service.ts";
import { USERNAME_FAULTS } from "../username.ts";
import { dateAt, listAt, type ReadAnswer, textAt, valueAt } from "./places.ts";
import { describedProblem } from "./refusals.ts";
import { sendDescribed } from "./request.ts";
import type { DatePlace, ServiceDescription } from "./schema.ts";

type Asked = ServiceDescription["account"][number];

/** What the answers have said so far. */
interface Known {
  username?: string | undefined;
  email?: string | undefined;
  scopes?: string[] | undefined;
  /** Undefined if the token does not end. */
  expiresAt?: Date | undefined;
  /** Whether any answer says when the token ends, or that it doesn't. */
  tellsExpiry: boolean;
}

/**
 * Whose the client's token is. The described requests are sent in turn, those that
 * can't say anything new left out.
 *
 * Throws what `problem` gives, and `service_response` for an answer of another shape.
 */
export async function describedAccount(
  description: ServiceDescription,
  client: HttpClient,
  problem: Service["problem"],
): Promise<Account> {
  const { account: [first, ...others], renew } = description;
  if (!first) throw new Error("a description has a request for the account");
  const known: Known = { tellsExpiry: false };
  const whose = await tell(description, client, first, problem, known);
  if (!whose || known.username === undefined) {
    throw wrong(description, whose, "the user name is missing");
  }
  checkUsername(description, whose, known.username);
  for (const asked of others) {
    if (saysMore(asked, known)) {
      await tell(description, client, asked, problem, known);
    }
  }
  const { username, email = null, scopes, expiresAt, tellsExpiry } = known;
  const isRenewable = renew !== undefined && expiresAt !== undefined &&
    valueAt(whose, renew.if) === true;
  const fault = clockFault(expiresAt, whose.answer);
  return {
    username,
    email,
    expiresAt,
    ...(tellsExpiry ? {} : { expiryUnknown: true }),
    ...(isRenewable ? { renewable: true } : {}),
    ...(scopes ? { scopes } : {}),
    ...(fault ? { clockFault: fault } : {}),
  };
}

function saysMore(asked: Asked, known: Known): boolean {
  return asked.email !== undefined && known.email === undefined ||
    asked.scopes !== undefined && known.scopes === undefined ||
    asked.expires_at !== undefined && !known.tellsExpiry;
}

/** Sends one of the requests, and adds what its answer says; undefined for one that this token may not ask. */
async function tell(
  description: ServiceDescription,
  client: HttpClient,
  asked: Asked,
  problem: Service["problem"],
  known: Known,
): Promise<ReadAnswer | undefined> {
  const answer = await ask(description, client, asked, problem);
  if (!answer) return undefined;
  const found = { answer, body: jsonBody(answer) };
  known.username ??= textAt(found, asked.username);
  known.email ??= textAt(found, asked.email);
  known.scopes ??= listAt(found, asked.scopes);
  known.expiresAt ??= expiryIn(description, found, asked.expires_at);
  known.tellsExpiry ||= asked.expires_at !== undefined;
  return found;
}

async function ask(
  description: ServiceDescription,
  client: HttpClient,
  asked: Asked,
  problem: Service["problem"],
): Promise<HttpAnswer | undefined> {
  const { unknown_on = [], invalid_on = [] } = asked;
  let isUnknown = false;
  try {
    return await sendDescribed(
      description,
      client,
      asked,
      (answer, source) => {
        const { status, leftOrigin } = answer;
        isUnknown = !leftOrigin && unknown_on.includes(status);
        const isInvalid = !leftOrigin && invalid_on.includes(status);
        return isInvalid
          ? describedProblem(description, answer, source, "token_invalid")
          : problem(answer, source);
      },
    );
  } catch (error) {
    if (isUnknown) return undefined;
    throw error;
  }
}

function checkUsername(
  description: ServiceDescription,
  whose: ReadAnswer,
  username: string,
): void {
  const found = USERNAME_FAULTS.find(([, holds]) => holds(username));
  if (found) throw wrong(description, whose, `the user name ${found[0]}`);
}

/** When a token ends; undefined if it doesn't. Throws `service_response` for what is no date. */
export function expiryIn(
  description: ServiceDescription,
  found: ReadAnswer,
  places: DatePlace[] | undefined,
): Date | undefined {
  try {
    return dateAt(found, places);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw wrong(
      description,
      found,
      `when the token expires is ${error.message}`,
    );
  }
}

function wrong(
  { title }: ServiceDescription,
  found: ReadAnswer | undefined,
  fault: string,
): NanoctlError {
  return new NanoctlError(
    "service_response",
    `${
      found?.answer.url.origin ?? title
    } answered in the wrong shape: ${fault}`,
    `check that the URL is one of ${title}`,
  );
}
