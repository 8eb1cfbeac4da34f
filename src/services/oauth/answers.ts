import * as v from "valibot";
import type { HttpAnswer } from "../../http/messages.ts";
import { parseAnswer, usernameSchema } from "../answer.ts";
import type { Account } from "../service.ts";

/** OpenID Connect Core 1.0, section 5.1. Some servers send null, or an empty text, for what they don't know. */
const userinfoSchema = v.object({
  sub: usernameSchema,
  preferred_username: v.nullish(v.string()),
  email: v.nullish(v.string()),
});

/** Whose the token is. Throws `service_response` for another shape. */
export function accountIn(answer: HttpAnswer): Account {
  const { sub, preferred_username, email } = parseAnswer(
    answer,
    userinfoSchema,
  );
  const username = preferred_username || email || sub;
  return {
    username: v.is(usernameSchema, username) ? username : sub,
    email: email || null,
    expiresAt: undefined,
    expiryUnknown: true,
  };
}
