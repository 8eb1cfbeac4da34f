import { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { HttpClient } from "../http/client.ts";
import { treatAsSecret } from "../secret.ts";
import { errorBody } from "./error_body.ts";
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
 * Sends the proof of the instance that we run on to its route below `path`; both
 * wires take the same form.
 *
 * Throws `token_invalid` when the service does not accept it, `usage` when the
 * instance has several agents and none is named, and what
 * `problem` gives for any other failure.
 */
export async function sendProof(
  client: HttpClient,
  path: string,
  proof: IdentityProof,
  agentName: string | undefined,
  { problem, detailOf }: Reader,
): Promise<HttpAnswer> {
  const json = identityBody(proof);
  // Nor may an error show them that repeats what was sent.
  for (const value of Object.values(json)) treatAsSecret(value);
  const request = {
    method: "POST",
    path: `${path}/${proof.cloud}-instance-identity`,
    json: agentName ? { ...json, agent_name: agentName } : json,
    confidential: true,
  };
  return await sendOk(
    client,
    request,
    (answer, source) => {
      if (answer.leftOrigin) return problem(answer, source);
      if (answer.status === 409) return severalAgents(answer, detailOf(answer));
      return REFUSED.includes(answer.status)
        ? identityRefused(proof.cloud, answer, detailOf(answer))
        : problem(answer, source);
    },
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

/** More agents than one instance has. */
const MOST_AGENTS = 50;

/**
 * The instance has several agents, and none was named. A list has their names,
 * or the text behind "one of:", as Coder has it.
 */
function severalAgents(answer: HttpAnswer, detail: string): NanoctlError {
  const { agents } = errorBody(answer);
  const listed = Array.isArray(agents)
    ? agents
    : detail.split(/\bone of:/)[1]?.split(",") ?? [];
  const names = listed
    .map((name) => typeof name === "string" ? name.trim() : "")
    .filter((name) => /^[\w.-]{1,64}$/.test(name))
    .slice(0, MOST_AGENTS);
  return new NanoctlError(
    "usage",
    `${answer.url.origin} has several agents on this instance${
      names.length > 0 ? `: ${names.join(", ")}` : shownDetail(detail)
    }`,
    "name one of them with --agent-name, NANOSERVICES_AGENT_NAME or CODER_AGENT_NAME",
  );
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
