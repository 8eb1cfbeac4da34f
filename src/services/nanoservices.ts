import * as v from "valibot";
import type { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import { clockFault } from "../http/clock.ts";
import type { SessionToken } from "../http/token_provider.ts";
import { Secret } from "../secret.ts";
import {
  authenticationUrlSchema,
  errorBody,
  expirySchema,
  extraSchema,
  parseAnswer,
  secretSchema,
  usernameSchema,
} from "./answer.ts";
import { sendProof } from "./identity.ts";
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

const meSchema = v.object({
  username: usernameSchema,
  email: v.nullable(v.string()),
  token: v.object({
    id: v.string(),
    name: v.string(),
    expires_at: expirySchema,
    scopes: v.array(v.string()),
  }),
});

const tokenSchema = v.object({
  access_token: secretSchema,
  token_type: v.string(),
  expires_at: expirySchema,
  extra: extraSchema,
});

const urlSchema = v.object({ url: authenticationUrlSchema });

const providersSchema = v.object({
  providers: v.array(v.object({
    id: v.string(),
    name: v.string(),
    authenticated: v.boolean(),
  })),
});

const sessionSchema = v.object({
  session_token: secretSchema,
  expires_at: expirySchema,
});

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
    const answer = await sendOk(client, { path: "/v1/me" }, problem);
    const { username, email, token } = parseAnswer(answer, meSchema);
    const fault = clockFault(token.expires_at, answer);
    return {
      username,
      email,
      expiresAt: token.expires_at,
      ...(fault ? { clockFault: fault } : {}),
    };
  },

  async revoke(client): Promise<void> {
    await sendOk(client, { method: "POST", path: "/v1/logout" }, problem);
  },

  async externalAuth(client, query): Promise<ExternalAuth> {
    const path = `/v1/external-auth/token?${new URLSearchParams(query)}`;
    const answer = await sendOk(
      client,
      { path },
      (answer, source) =>
        answer.status === 404 && !answer.leftOrigin &&
          errorBody(answer).code === "not_found"
          ? unknownProvider(Object.values(query).join(), answer.url.origin)
          : problem(answer, source),
    );
    const { url } = errorBody(answer);
    if (url !== undefined && url !== null && url !== "") {
      return { url: parseAnswer(answer, urlSchema).url };
    }
    const token = parseAnswer(answer, tokenSchema, { exact: true });
    return {
      token: {
        accessToken: new Secret(token.access_token),
        tokenType: token.token_type,
        expiresAt: token.expires_at,
        extra: token.extra,
      },
    };
  },

  async listExternalAuth(client): Promise<ExternalProvider[]> {
    const answer = await sendOk(client, { path: "/v1/external-auth" }, problem);
    return parseAnswer(answer, providersSchema).providers;
  },

  async exchangeIdentity(client, proof, agentName): Promise<SessionToken> {
    const answer = await sendProof(client, "/v1/agents", proof, agentName, {
      problem,
      detailOf,
    });
    const session = parseAnswer(answer, sessionSchema);
    const fault = clockFault(session.expires_at, answer);
    return {
      secret: new Secret(session.session_token),
      ...(session.expires_at ? { expiresAt: session.expires_at } : {}),
      ...(fault ? { note: `the session has expired already: ${fault}` } : {}),
    };
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
