/** What the nanoservices API answers, checked. All throw `service_response` for another shape. */

import * as v from "valibot";
import { clockFault } from "../http/clock.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { SessionToken } from "../http/token_provider.ts";
import { Secret } from "../secret.ts";
import {
  authenticationUrlSchema,
  expirySchema,
  extraSchema,
  parseAnswer,
  secretSchema,
  usernameSchema,
} from "./answer.ts";
import { errorBody } from "./error_body.ts";
import type { Account, ExternalAuth, ExternalProvider } from "./service.ts";

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

/** Whose the token is. */
export function accountIn(answer: HttpAnswer): Account {
  const { username, email, token } = parseAnswer(answer, meSchema);
  const fault = clockFault(token.expires_at, answer);
  return {
    username,
    email,
    expiresAt: token.expires_at,
    ...(fault ? { clockFault: fault } : {}),
  };
}

/** A provider's token, or the URL at which someone must authenticate. */
export function externalAuthIn(answer: HttpAnswer): ExternalAuth {
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
}

/** The providers that the service knows. */
export function providersIn(answer: HttpAnswer): ExternalProvider[] {
  return parseAnswer(answer, providersSchema).providers;
}

/** An agent's session. */
export function sessionIn(answer: HttpAnswer): SessionToken {
  const session = parseAnswer(answer, sessionSchema);
  const fault = clockFault(session.expires_at, answer);
  return {
    secret: new Secret(session.session_token),
    ...(session.expires_at ? { expiresAt: session.expires_at } : {}),
    ...(fault ? { note: `the session has expired already: ${fault}` } : {}),
  };
}
