import type { Context } from "../../process/context.ts";
import type { HttpClient } from "../../http/client.ts";
import type { IdentityProof } from "../../services/service.ts";
import type { AgentAuth } from "../agent_auths.ts";

/** The ways of proving on which cloud instance we run. */
export type IdentityAuth = Exclude<AgentAuth, "token">;

/** Gets the proof from a cloud's metadata service; `audience` is whom it is for. */
export type GetProof = (
  metadata: (baseUrl: string) => HttpClient,
  env: Context["env"],
  audience: string,
) => Promise<IdentityProof>;
