import { NanoctlError } from "../../errors.ts";
import { type GrantedTokens, renewalTime } from "../../grant.ts";
import type { HttpClient } from "../../http/client.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { Secret } from "../../secret.ts";
import { jsonBody } from "../error_body.ts";
import type { GitLoginOfToken, Service } from "../service.ts";
import { withoutProviders } from "../without_providers.ts";
import { describedAccount, expiryIn } from "./account.ts";
import { textAt } from "./places.ts";
import { describedProblem } from "./refusals.ts";
import { sendDescribed } from "./request.ts";
import type { ServiceDescription } from "./schema.ts";
import { apiOf, siteOf, urlOf } from "./urls.ts";

/** The statuses with which a token is not prolonged. */
const REFUSED = [400, 401, 403, 404];

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
    whoami: (client) => describedAccount(description, client, problem),
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

/** Prolongs the token. What refuses that has ended the login. */
async function renew(
  description: ServiceDescription,
  client: HttpClient,
  problem: Service["problem"],
): Promise<GrantedTokens> {
  const { renew } = description;
  const token = await client.provider?.getToken();
  if (!renew || !token) throw new Error("there is nothing to renew");
  const answer = await sendDescribed(
    description,
    client,
    renew,
    (answer, source) => {
      const error = problem(answer, source);
      return REFUSED.includes(answer.status) && !answer.leftOrigin &&
          error.code !== "rate_limited"
        ? new NanoctlError(
          "login_ended",
          `${answer.url.origin} does not prolong the token any more`,
        )
        : error;
    },
  );
  const found = { answer, body: jsonBody(answer) };
  const expiresAt = expiryIn(description, found, renew.expires_at);
  const issued = textAt(found, renew.token);
  return {
    token: issued === undefined ? token.secret : new Secret(issued),
    ...(expiresAt
      ? { expiresAt, renewAt: renewalTime(expiresAt, answer.receivedAt) }
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
