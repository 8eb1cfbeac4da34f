import { NanoctlError } from "../../errors.ts";
import { type GrantedTokens, renewalTime } from "../../grant.ts";
import type { HttpClient } from "../../http/client.ts";
import { clockFault } from "../../http/clock.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { Secret, withoutSecrets } from "../../secret.ts";
import type { Account, GitLoginOfToken, Service } from "../service.ts";
import { withoutProviders } from "../without_providers.ts";
import {
  dateAt,
  listAt,
  read,
  type ReadAnswer,
  textAt,
  valueAt,
} from "./places.ts";
import { describedProblem } from "./refusals.ts";
import { sendDescribed } from "./request.ts";
import type { DatePlace, ServiceDescription } from "./schema.ts";
import { apiOf, siteOf, urlOf } from "./urls.ts";

/** The statuses with which a token is not prolonged. */
const REFUSED = [400, 401, 403, 404];

/** More than any user name has, in UTF-16 code units. */
const USERNAME_LIMIT = 256;

/** The service that a description describes. `name` is what a stored login calls it. */
export function describedService(
  description: ServiceDescription,
  name: string = description.name,
): Service {
  const { title, headers = {} } = description;
  const problem = (answer: HttpAnswer, source: string): NanoctlError =>
    describedProblem(description, answer, source);
  const withoutAny = (): Promise<never> =>
    Promise.reject(withoutProviders(title));
  return {
    name,
    description,
    headers: Object.entries(headers),
    apiUrl: (url) => apiOf(description, url),
    present: (token) => presented(description, token),
    tokenPage: (url) => urlOf(description, description.token_page, url),
    problem,
    whoami: (client) => accountOf(description, client, problem),
    ...(description.renew
      ? { renew: (client) => renew(description, client, problem) }
      : {}),
    revoke: (client) => revoke(description, client, problem),
    externalAuth: withoutAny,
    listExternalAuth: withoutAny,
    exchangeIdentity: withoutAny,
    gitLogin: (token) => gitLogin(description, token),
  };
}

/** The header that presents a token. With Basic (RFC 7617) and no user name, the token is both, with a colon between. */
function presented(
  description: ServiceDescription,
  token: Secret,
): [name: string, value: string] {
  const text = token.reveal();
  const way = wayOf(description, text);
  if ("header" in way) {
    return [
      way.header,
      way.value.replace("{token}", () => text),
    ];
  }
  const { username } = way.basic;
  const pair = username === undefined ? text : `${username}:${text}`;
  const bytes = new TextEncoder().encode(pair);
  return ["authorization", `Basic ${bytes.toBase64()}`];
}

type Presentation = ServiceDescription["present"][number];

function wayOf({ present }: ServiceDescription, token: string): Presentation {
  const way = present.find(({ token_contains }) =>
    token_contains === undefined || token.includes(token_contains)
  );
  if (!way) throw new Error("the last way is for every token");
  return way;
}

/** What git takes; of a token that is a user name and a password, the password alone. */
function gitLogin(
  description: ServiceDescription,
  token: Secret,
): GitLoginOfToken {
  const text = token.reveal();
  const way = wayOf(description, text);
  const isPair = "basic" in way && way.basic.username === undefined;
  const at = isPair ? text.indexOf(":") : -1;
  return {
    username: way.git_username ?? (at < 0 ? undefined : text.slice(0, at)),
    password: at < 0 ? token : new Secret(text.slice(at + 1)),
  };
}

/** Asks each request in turn; what an earlier one says counts. */
async function accountOf(
  description: ServiceDescription,
  client: HttpClient,
  problem: Service["problem"],
): Promise<Account> {
  const { account, title } = description;
  const answers: [asked: ServiceDescription["account"][number], ReadAnswer][] =
    [];
  for (const asked of account) {
    const answer = await ask(description, client, asked, problem);
    if (answer) answers.push([asked, json(answer)]);
  }
  const first = <T>(
    find: (
      asked: ServiceDescription["account"][number],
      answer: ReadAnswer,
    ) => T | undefined,
  ): T | undefined => {
    for (const [asked, answer] of answers) {
      const found = find(asked, answer);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const [, whose] = answers[0] ?? [];
  const username = first(({ username }, answer) => textAt(answer, username));
  if (!whose || username === undefined) {
    throw wrong(whose, "the user name is missing", title);
  }
  checkUsername(whose, username, title);
  const expiresAt = first(({ expires_at }, answer) =>
    expiryIn(answer, expires_at, title)
  );
  const isKnown = answers.some(([{ expires_at }]) => expires_at !== undefined);
  const scopes = first(({ scopes }, answer) => listAt(answer, scopes));
  const fault = clockFault(expiresAt, whose.answer);
  const { renew } = description;
  return {
    username,
    ...(renew && expiresAt && valueAt(whose, renew.if) === true
      ? { renewable: true }
      : {}),
    email: first(({ email }, answer) => textAt(answer, email)) ?? null,
    expiresAt,
    ...(isKnown ? {} : { expiryUnknown: true }),
    ...(scopes ? { scopes } : {}),
    ...(fault ? { clockFault: fault } : {}),
  };
}

/** An answer to one of the requests; undefined for one that this token may not ask. */
async function ask(
  description: ServiceDescription,
  client: HttpClient,
  asked: ServiceDescription["account"][number],
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

/** Prolongs the token. What refuses that has ended the login. */
async function renew(
  description: ServiceDescription,
  client: HttpClient,
  problem: Service["problem"],
): Promise<GrantedTokens> {
  const { renew, title } = description;
  const token = await client.provider?.getToken();
  if (!renew || !token) throw new Error("there is nothing to renew");
  const answer = json(
    await sendDescribed(description, client, renew, (answer, source) => {
      const error = problem(answer, source);
      return REFUSED.includes(answer.status) && !answer.leftOrigin &&
          error.code !== "rate_limited"
        ? new NanoctlError(
          "login_ended",
          `${answer.url.origin} does not prolong the token any more`,
        )
        : error;
    }),
  );
  const expiresAt = expiryIn(answer, renew.expires_at, title);
  const issued = textAt(answer, renew.token);
  return {
    token: issued === undefined ? token.secret : new Secret(issued),
    ...(expiresAt
      ? { expiresAt, renewAt: renewalTime(expiresAt, answer.answer.receivedAt) }
      : {}),
  };
}

async function revoke(
  description: ServiceDescription,
  client: HttpClient,
  problem: Service["problem"],
): Promise<void> {
  const { revoke } = description;
  if (!("path" in revoke)) throw irrevocable(description, client);
  const { impossible_on = [] } = revoke;
  await sendDescribed(
    description,
    client,
    revoke,
    (answer, source) =>
      !answer.leftOrigin && impossible_on.includes(answer.status)
        ? irrevocable(description, client)
        : problem(answer, source),
  );
}

function irrevocable(
  description: ServiceDescription,
  client: HttpClient,
): NanoctlError {
  const { title, revoke: { impossible } } = description;
  return new NanoctlError(
    "failed",
    `${title} has no way to revoke this token from here`,
    impossible &&
      urlOf(description, impossible, siteOf(description, client.baseUrl)),
  );
}

function json(answer: HttpAnswer): ReadAnswer {
  const found = read(answer);
  if (found.body !== undefined) return found;
  const type = answer.headers.get("content-type") ?? "no content type";
  throw new NanoctlError(
    "service_response",
    `${answer.url.origin} answered with something that is not JSON (${type})`,
    "check that the URL is the service's, not that of a proxy",
  );
}

/** A user name is stored and shown: a service could put the token there. */
function checkUsername(
  whose: ReadAnswer,
  username: string,
  title: string,
): void {
  if (username.length > USERNAME_LIMIT) {
    throw wrong(whose, "the user name is too long", title);
  }
  if (withoutSecrets(username) !== username) {
    throw wrong(whose, "the user name holds a secret", title);
  }
}

function expiryIn(
  found: ReadAnswer,
  places: DatePlace[] | undefined,
  title: string,
): Date | undefined {
  try {
    return dateAt(found, places);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw wrong(found, `when the token expires is ${error.message}`, title);
  }
}

function wrong(
  found: ReadAnswer | undefined,
  fault: string,
  title: string,
): NanoctlError {
  return new NanoctlError(
    "service_response",
    `${
      found?.answer.url.origin ?? title
    } answered in the wrong shape: ${fault}`,
    `check that the URL is one of ${title}`,
  );
}
