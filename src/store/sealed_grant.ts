import type { CommandLogin, Grant, OAuthMachineLogin } from "../grant.ts";
import { isObject } from "../json.ts";
import { Secret } from "../secret.ts";

/** A grant as the sealed envelope holds it (docs/credential_file.md). */
export function sealedGrant(grant: Grant): Record<string, unknown> {
  if (!("issuer" in grant)) {
    return { machine: { ...grant.machine } };
  }
  return {
    issuer: grant.issuer,
    client_id: grant.clientId,
    client_secret: grant.clientSecret?.reveal(),
    token_endpoint: grant.tokenEndpoint,
    revocation_endpoint: grant.revocationEndpoint,
    ...(grant.machine ? { machine: sealedMachine(grant.machine) } : {}),
  };
}

function sealedMachine(
  { way, scope, audience, subjectTokenFile }: OAuthMachineLogin,
): Record<string, unknown> {
  return { way, scope, audience, subject_token_file: subjectTokenFile };
}

/** The grant in an opened envelope; undefined if it holds none. */
export function grantIn(sealed: unknown): Grant | undefined {
  if (!isObject(sealed)) return undefined;
  const command = commandIn(sealed.machine);
  if (command) return { machine: command };
  if (isObject(sealed.machine) && sealed.machine.way === "service") {
    return { machine: { way: "service" } };
  }
  const { issuer, client_id, client_secret, token_endpoint } = sealed;
  const { revocation_endpoint } = sealed;
  const machine = machineIn(sealed.machine);
  if (
    typeof issuer !== "string" || typeof client_id !== "string" ||
    typeof token_endpoint !== "string"
  ) return undefined;
  return {
    issuer,
    clientId: client_id,
    tokenEndpoint: token_endpoint,
    ...(typeof client_secret === "string"
      ? { clientSecret: new Secret(client_secret) }
      : {}),
    ...(typeof revocation_endpoint === "string"
      ? { revocationEndpoint: revocation_endpoint }
      : {}),
    ...(machine ? { machine } : {}),
  };
}

function commandIn(sealed: unknown): CommandLogin | undefined {
  if (!isObject(sealed) || sealed.way !== "command") return undefined;
  const { command } = sealed;
  const isCommand = Array.isArray(command) && command.length > 0 &&
    command.every((argument) => typeof argument === "string");
  return isCommand ? { way: "command", command } : undefined;
}

function machineIn(sealed: unknown): OAuthMachineLogin | undefined {
  if (!isObject(sealed)) return undefined;
  const { way, scope, audience, subject_token_file } = sealed;
  if (way !== "client-credentials" && way !== "token-exchange") {
    return undefined;
  }
  return {
    way,
    ...(typeof scope === "string" ? { scope } : {}),
    ...(typeof audience === "string" ? { audience } : {}),
    ...(typeof subject_token_file === "string"
      ? { subjectTokenFile: subject_token_file }
      : {}),
  };
}
