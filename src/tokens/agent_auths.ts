/** The values of `--auth`: how an agent can authenticate. */
export const AGENT_AUTHS = [
  "token",
  "aws-instance-identity",
  "azure-instance-identity",
  "google-instance-identity",
] as const;

/** A value of `--auth`. */
export type AgentAuth = typeof AGENT_AUTHS[number];
