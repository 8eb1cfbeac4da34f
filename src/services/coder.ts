import { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { HttpClient } from "../http/client.ts";
import { isWebPage } from "../http/web_page.ts";
import { isAgentOrigin, type SessionToken } from "../http/token_provider.ts";
import { errorBody } from "./error_body.ts";
import {
  problemOf,
  type RefusalCode,
  sendOk,
  unknownProvider,
} from "./problem.ts";
import type {
  Account,
  ExternalAuth,
  ExternalProvider,
  Service,
} from "./service.ts";

/** Loaded while an answer is waited for: it brings a schema library along. */
const loadAnswers = (): Promise<typeof import("./coder_answers.ts")> =>
  import("./coder_answers.ts");

/** The API of a Coder deployment, version 2, as its documentation describes it. */
export const coder: Service = {
  name: "coder",

  present(token): [string, string] {
    return ["coder-session-token", token.reveal()];
  },

  tokenPage(baseUrl): string {
    return `${baseUrl}/settings/tokens`;
  },

  problem,

  async whoami(client): Promise<Account> {
    const [answer, { userIn }] = await Promise.all([
      sendOk(client, { path: "/api/v2/users/me" }, problem),
      loadAnswers(),
    ]);
    return { ...userIn(answer), ...await expiryOf(client) };
  },

  async revoke(client): Promise<void> {
    const path = "/api/v2/users/logout";
    await sendOk(client, { method: "POST", path }, problem);
  },

  async externalAuth(client, query): Promise<ExternalAuth> {
    const path =
      `/api/v2/workspaceagents/me/external-auth?${new URLSearchParams(
        query,
      )}`;
    const [answer, { externalAuthIn }] = await Promise.all([
      sendOk(client, { path }, (answer, source) => {
        if (isUnknownProvider(answer)) {
          return unknownProvider(
            Object.values(query).join(),
            answer.url.origin,
          );
        }
        return isRefusal(answer) && !isAgent(client)
          ? agentsOnly(answer, source)
          : problem(answer, source);
      }),
      loadAnswers(),
    ]);
    return externalAuthIn(answer);
  },

  async listExternalAuth(client): Promise<ExternalProvider[]> {
    const path = "/api/v2/external-auth";
    const [answer, { providersIn }] = await Promise.all([
      sendOk(
        client,
        { path },
        (answer, source) =>
          isRefusal(answer) && isAgent(client)
            ? usersOnly(answer, source)
            : problem(answer, source),
      ),
      loadAnswers(),
    ]);
    return providersIn(answer);
  },

  async exchangeIdentity(client, proof, agentName): Promise<SessionToken> {
    const path = "/api/v2/workspaceagents";
    const { sendProof } = await import("./identity.ts");
    const [answer, { sessionIn }] = await Promise.all([
      sendProof(client, path, proof, agentName, { problem, detailOf }),
      loadAnswers(),
    ]);
    return sessionIn(answer);
  },
};

/** When the client's token ends: a token is `<key id>-<secret>`, and the key knows. */
async function expiryOf(
  client: HttpClient,
): Promise<Pick<Account, "expiresAt" | "expiryUnknown" | "clockFault">> {
  const unknown = { expiresAt: undefined, expiryUnknown: true };
  const token = await client.provider?.getToken();
  const [, keyId] = token?.secret.reveal().match(/^([A-Za-z0-9]+)-./) ?? [];
  if (!keyId) return unknown;
  const answer = await client.send({
    path: `/api/v2/users/me/keys/${keyId}`,
  });
  if (isWebPage(answer)) {
    throw problem(answer, client.provider?.source ?? "no token");
  }
  // A token that may not read its own key, or one of another shape, says nothing of its end.
  if ([403, 404].includes(answer.status)) return unknown;
  if (answer.leftOrigin || answer.status !== 200) {
    throw problem(answer, client.provider?.source ?? "no token");
  }
  return (await loadAnswers()).expiryIn(answer);
}

/** Whether the API itself says that it is not there, and not of the route. */
function isUnknownProvider(answer: HttpAnswer): boolean {
  const { message } = errorBody(answer);
  return answer.status === 404 && !answer.leftOrigin &&
    typeof message === "string" && message !== "Route not found.";
}

/** Whether the service itself refused the token; another origin never sees it. */
function isRefusal({ status, leftOrigin }: HttpAnswer): boolean {
  return status === 401 && !leftOrigin;
}

function isAgent({ provider }: HttpClient): boolean {
  return provider !== undefined && isAgentOrigin(provider.origin);
}

function agentsOnly(answer: HttpAnswer, source: string): NanoctlError {
  return new NanoctlError(
    "token_invalid",
    `${answer.url.origin} refused the token from ${source}: a user's session can't read the tokens of external providers, only a workspace's agent can`,
    "run it in the workspace, or give --agent-token or --agent-token-file",
  );
}

function usersOnly(answer: HttpAnswer, source: string): NanoctlError {
  return new NanoctlError(
    "token_invalid",
    `${answer.url.origin} refused the token from ${source}: an agent can't list the external providers, only a user's session can`,
    "ask for one by its id: nanoctl external-auth access-token <provider>",
  );
}

/** What an answer other than 2xx means, as one of our errors. */
function problem(answer: HttpAnswer, source: string): NanoctlError {
  return problemOf(answer, source, {
    refusal: refusalOf(answer),
    detail: detailOf(answer),
    // A suspended user needs to hear of it: a new token would not help.
    detailedRefusal: /\bnot active\b/i.test(detailOf(answer)),
  });
}

function detailOf(answer: HttpAnswer): string {
  const { message, detail } = errorBody(answer);
  return [message, detail]
    .filter((text) => typeof text === "string" && text !== "").join(" ");
}

/** The wire has no code for it: why is told in the text alone. */
function refusalOf(answer: HttpAnswer): RefusalCode {
  const detail = detailOf(answer);
  if (/\b(key|token) expired\b/i.test(detail)) return "token_expired";
  return /\b(key|token) was revoked\b/i.test(detail)
    ? "token_revoked"
    : "token_invalid";
}
