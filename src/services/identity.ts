import { NanoctlError } from "../errors.ts";
import type { HttpAnswer, HttpClient } from "../http/client.ts";
import { treatAsSecret } from "../secret.ts";
import { clockNote, sendOk, shownDetail } from "./problem.ts";
import type { IdentityProof } from "./service.ts";

/** How a service's own answers are read. */
interface Reader {
  problem(answer: HttpAnswer, source: string): NanoctlError;
  detailOf(answer: HttpAnswer): string;
}

/** The statuses with which a service refuses a proof. */
const REFUSED = [400, 401, 403, 404];

/**
 * Sends the proof of where we run, which both wires take in the same form, to
 * its route below `path`.
 *
 * Throws `token_invalid` when the service does not accept it, and what
 * `problem` gives for any other failure.
 */
export async function sendProof(
  client: HttpClient,
  path: string,
  proof: IdentityProof,
  { problem, detailOf }: Reader,
): Promise<HttpAnswer> {
  const json = identityBody(proof);
  // Nor may an error show them that repeats what was sent.
  for (const value of Object.values(json)) treatAsSecret(value);
  const request = {
    method: "POST",
    path: `${path}/${proof.cloud}-instance-identity`,
    json,
    confidential: true,
  };
  return await sendOk(
    client,
    request,
    (answer, source) =>
      REFUSED.includes(answer.status) && !answer.leftOrigin
        ? identityRefused(proof.cloud, answer, detailOf(answer))
        : problem(answer, source),
  );
}

function identityBody(proof: IdentityProof): Record<string, string> {
  switch (proof.cloud) {
    case "aws":
      return { signature: proof.signature, document: proof.document };
    case "azure":
      return { signature: proof.signature, encoding: proof.encoding };
    case "google":
      return { json_web_token: proof.jsonWebToken };
  }
}

/** The service does not accept what proves on which instance we run. */
function identityRefused(
  cloud: string,
  answer: HttpAnswer,
  detail: string,
): NanoctlError {
  return new NanoctlError(
    "token_invalid",
    `${answer.url.origin} did not accept the ${cloud} identity of this instance${
      shownDetail(detail)
    }${/\bexpired\b/i.test(detail) ? clockNote(answer) : ""}`,
    "check that the service has an agent for this instance",
  );
}
