/** The ways in which an agent can prove who it is, as `--auth` names them. */
export const AGENT_AUTHS = [
  "token",
  "aws-instance-identity",
  "azure-instance-identity",
  "google-instance-identity",
] as const;

/** One of them. */
export type AgentAuth = typeof AGENT_AUTHS[number];
