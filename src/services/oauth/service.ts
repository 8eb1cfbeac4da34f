import { NanoctlError } from "../../errors.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { errorBody } from "../error_body.ts";
import { clockNote, problemOf, sendOk } from "../problem.ts";
import type { Account, Service } from "../service.ts";
import { withoutProviders } from "../without_providers.ts";

/**
 * Any OAuth or OpenID Connect server, named by its issuer: bearer tokens (RFC
 * 6750), and the account from its userinfo endpoint (OpenID Connect Core 1.0,
 * section 5.3).
 */
export const oauth: Service = {
  name: "oauth",

  present(token): [string, string] {
    return ["authorization", `Bearer ${token.reveal()}`];
  },

  tokenPage(baseUrl): string {
    return baseUrl;
  },

  problem,

  async whoami(client): Promise<Account> {
    const [{ discover, withoutEndpoint }, { accountIn }] = await Promise.all([
      import("./server.ts"),
      import("./answers.ts"),
    ]);
    const server = await discover(client, client.baseUrl);
    const { userinfo_endpoint } = server;
    if (userinfo_endpoint === undefined) {
      throw withoutEndpoint(server, "userinfo");
    }
    const url = new URL(userinfo_endpoint);
    const userinfo = client.at(url.origin, client.provider);
    const path = `${url.pathname}${url.search}`;
    return accountIn(await sendOk(userinfo, { path }, problem));
  },

  revoke: () => Promise.reject(withoutGrant()),
  externalAuth: () => Promise.reject(withoutProviders("an OAuth server")),
  listExternalAuth: () => Promise.reject(withoutProviders("an OAuth server")),
  exchangeIdentity: () => Promise.reject(withoutProviders("an OAuth server")),
};

/** What an answer other than 2xx means: RFC 6750, section 3.1, has one code for all tokens that aren't valid. */
function problem(answer: HttpAnswer, source: string): NanoctlError {
  const { error_description } = errorBody(answer);
  const said = typeof error_description === "string"
    ? error_description
    : challengeDetail(answer);
  return problemOf(answer, source, {
    refusal: "token_invalid",
    detail: `${said}${answer.status === 401 ? clockNote(answer) : ""}`,
    detailedRefusal: said !== "",
  });
}

/** What the challenge says (RFC 6750, section 3), where the body doesn't. */
function challengeDetail({ headers }: HttpAnswer): string {
  const challenge = headers.get("www-authenticate") ?? "";
  return /\berror_description="([^"\\]*)"/.exec(challenge)?.[1] ?? "";
}

function withoutGrant(): NanoctlError {
  return new NanoctlError(
    "failed",
    "a token that was given, and not got by a login, can't be revoked",
    "end it where it was made",
  );
}
