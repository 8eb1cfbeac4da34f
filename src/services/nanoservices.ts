import type { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { SessionToken } from "../http/token_provider.ts";
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
const loadAnswers = (): Promise<typeof import("./nanoservices_answers.ts")> =>
  import("./nanoservices_answers.ts");

/** The nanoservices API, version 1: bearer tokens, problem details (RFC 9457). */
export const nanoservices: Service = {
  name: "nanoservices",

  present(token): [string, string] {
    return ["authorization", `Bearer ${token.reveal()}`];
  },

  tokenPage(baseUrl): string {
    return `${baseUrl}/settings/tokens`;
  },

  problem,

  async whoami(client): Promise<Account> {
    const [answer, { accountIn }] = await Promise.all([
      sendOk(client, { path: "/v1/me" }, problem),
      loadAnswers(),
    ]);
    return accountIn(answer);
  },

  async revoke(client): Promise<void> {
    await sendOk(client, { method: "POST", path: "/v1/logout" }, problem);
  },

  async externalAuth(client, query): Promise<ExternalAuth> {
    const path = `/v1/external-auth/token?${new URLSearchParams(query)}`;
    const [answer, { externalAuthIn }] = await Promise.all([
      sendOk(
        client,
        { path },
        (answer, source) =>
          answer.status === 404 && !answer.leftOrigin &&
            errorBody(answer).code === "not_found"
            ? unknownProvider(Object.values(query).join(), answer.url.origin)
            : problem(answer, source),
      ),
      loadAnswers(),
    ]);
    return externalAuthIn(answer);
  },

  async listExternalAuth(client): Promise<ExternalProvider[]> {
    const [answer, { providersIn }] = await Promise.all([
      sendOk(client, { path: "/v1/external-auth" }, problem),
      loadAnswers(),
    ]);
    return providersIn(answer);
  },

  async exchangeIdentity(client, proof, agentName): Promise<SessionToken> {
    const { sendProof } = await import("./identity.ts");
    const [answer, { sessionIn }] = await Promise.all([
      sendProof(client, "/v1/agents", proof, agentName, { problem, detailOf }),
      loadAnswers(),
    ]);
    return sessionIn(answer);
  },
};

/** What an answer other than 2xx means, as one of our errors. */
function problem(answer: HttpAnswer, source: string): NanoctlError {
  return problemOf(answer, source, {
    refusal: refusalOf(errorBody(answer).code),
    detail: detailOf(answer),
  });
}

function detailOf(answer: HttpAnswer): string {
  const { detail } = errorBody(answer);
  return typeof detail === "string" ? detail : "";
}

function refusalOf(code: unknown): RefusalCode {
  return code === "token_expired" || code === "token_revoked"
    ? code
    : "token_invalid";
}
