import * as v from "valibot";
import { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { HttpClient } from "../http/client.ts";
import { clockFault } from "../http/clock.ts";
import { isWebPage } from "../http/web_page.ts";
import { isAgentOrigin, type SessionToken } from "../http/token_provider.ts";
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
  GitLogin,
  Service,
} from "./service.ts";

/** How Go writes a time that was never set: no expiry. */
const NO_TIME = "0001-01-01T00:00:00Z";

const coderExpirySchema: v.GenericSchema<unknown, Date | undefined> = v.pipe(
  v.unknown(),
  v.transform((time) => time === NO_TIME ? null : time),
  expirySchema,
);

const userSchema = v.object({
  username: usernameSchema,
  email: v.nullish(v.string(), null),
});

const keySchema = v.object({ expires_at: coderExpirySchema });

const gitEntries = {
  type: v.nullish(v.string(), ""),
  username: v.nullish(v.string(), ""),
  password: v.nullish(v.string(), ""),
};

const urlSchema = v.object({ url: authenticationUrlSchema, ...gitEntries });

const tokenSchema = v.object({
  access_token: secretSchema,
  token_extra: extraSchema,
  // Today's deployments say nothing of it.
  expires_at: v.optional(coderExpirySchema, null),
  ...gitEntries,
});

const providersSchema = v.object({
  providers: v.array(v.object({ id: v.string(), display_name: v.string() })),
  links: v.nullish(
    v.array(v.object({
      provider_id: v.string(),
      authenticated: v.boolean(),
    })),
    [],
  ),
});

const sessionSchema = v.object({ session_token: secretSchema });

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
    const answer = await sendOk(client, { path: "/api/v2/users/me" }, problem);
    const { username, email } = parseAnswer(answer, userSchema);
    return { username, email, ...await expiryOf(client) };
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
    const answer = await sendOk(client, { path }, (answer, source) => {
      if (isUnknownProvider(answer)) {
        return unknownProvider(Object.values(query).join(), answer.url.origin);
      }
      return isRefusal(answer) && !isAgent(client)
        ? agentsOnly(answer, source)
        : problem(answer, source);
    });
    const { url } = errorBody(answer);
    if (typeof url === "string" && url !== "") {
      const { url, ...git } = parseAnswer(answer, urlSchema);
      return { url, git: gitLogin(git) };
    }
    const token = parseAnswer(answer, tokenSchema, { exact: true });
    return {
      git: gitLogin(token),
      token: {
        accessToken: new Secret(token.access_token),
        // The answer's own `type` names the provider.
        tokenType: "Bearer",
        expiresAt: token.expires_at,
        extra: token.token_extra,
      },
    };
  },

  async listExternalAuth(client): Promise<ExternalProvider[]> {
    const path = "/api/v2/external-auth";
    const answer = await sendOk(
      client,
      { path },
      (answer, source) =>
        isRefusal(answer) && isAgent(client)
          ? usersOnly(answer, source)
          : problem(answer, source),
    );
    const { providers, links } = parseAnswer(answer, providersSchema);
    return providers.map(({ id, display_name }) => ({
      id,
      name: display_name,
      authenticated: links.some((link) =>
        link.provider_id === id && link.authenticated
      ),
    }));
  },

  async exchangeIdentity(client, proof, agentName): Promise<SessionToken> {
    const path = "/api/v2/workspaceagents";
    const answer = await sendProof(client, path, proof, agentName, {
      problem,
      detailOf,
    });
    const { session_token } = parseAnswer(answer, sessionSchema);
    return { secret: new Secret(session_token) };
  },
};

function gitLogin(
  { type, username, password }: Record<keyof typeof gitEntries, string>,
): GitLogin {
  return {
    type,
    username: new Secret(username),
    password: new Secret(password),
  };
}

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
  const expiresAt = parseAnswer(answer, keySchema).expires_at;
  const fault = clockFault(expiresAt, answer);
  return { expiresAt, ...(fault ? { clockFault: fault } : {}) };
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
