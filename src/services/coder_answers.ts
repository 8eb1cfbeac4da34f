/** What a Coder deployment answers, checked. All throw `service_response` for another shape. */

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
import type {
  Account,
  ExternalAuth,
  ExternalProvider,
  GitLogin,
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

/** Whose the token is. */
export function userIn(
  answer: HttpAnswer,
): Pick<Account, "username" | "email"> {
  return parseAnswer(answer, userSchema);
}

/** When the token of a key ends. */
export function expiryIn(
  answer: HttpAnswer,
): Pick<Account, "expiresAt" | "clockFault"> {
  const expiresAt = parseAnswer(answer, keySchema).expires_at;
  const fault = clockFault(expiresAt, answer);
  return { expiresAt, ...(fault ? { clockFault: fault } : {}) };
}

/** A provider's token, or the URL at which someone must authenticate. */
export function externalAuthIn(answer: HttpAnswer): ExternalAuth {
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
}

/** The providers that the deployment knows. */
export function providersIn(answer: HttpAnswer): ExternalProvider[] {
  const { providers, links } = parseAnswer(answer, providersSchema);
  return providers.map(({ id, display_name }) => ({
    id,
    name: display_name,
    authenticated: links.some((link) =>
      link.provider_id === id && link.authenticated
    ),
  }));
}

/** An agent's session. */
export function sessionIn(answer: HttpAnswer): SessionToken {
  const { session_token } = parseAnswer(answer, sessionSchema);
  return { secret: new Secret(session_token) };
}

function gitLogin(
  { type, username, password }: Record<keyof typeof gitEntries, string>,
): GitLogin {
  return {
    type,
    username: new Secret(username),
    password: new Secret(password),
  };
}
