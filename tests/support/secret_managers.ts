import { join } from "@std/path";

/** A secret manager's command line, and a script in its place that takes nothing else. */
export interface SecretManager {
  name: string;
  /** The arguments that docs/secret_managers.md shows. */
  args: string[];
  /** A variable that it needs to be logged in, and that nanoctl has to pass on. */
  session: string;
  /** Whether there is a line break behind what it prints. */
  endsLine: boolean;
  /** What it says and how it exits if its arguments are wrong. */
  refusal: { stderr: string; code: number };
}

/** The managers that tests have no real program of. */
export const SECRET_MANAGERS: readonly SecretManager[] = [
  {
    name: "op",
    args: ["read", "op://dev/nano/token"],
    session: "OP_SERVICE_ACCOUNT_TOKEN",
    endsLine: true,
    refusal: { stderr: "[ERROR] invalid secret reference", code: 1 },
  },
  {
    name: "vault",
    args: ["kv", "get", "-mount=secret", "-field=token", "nano"],
    session: "VAULT_TOKEN",
    endsLine: false,
    refusal: { stderr: "No value found at secret/data/nano", code: 2 },
  },
  {
    name: "aws",
    args: [
      ...["secretsmanager", "get-secret-value", "--secret-id", "nano"],
      ...["--query", "SecretString", "--output", "text"],
    ],
    session: "AWS_SESSION_TOKEN",
    endsLine: true,
    refusal: { stderr: "ResourceNotFoundException", code: 254 },
  },
  {
    name: "bw",
    args: ["get", "password", "nano"],
    session: "BW_SESSION",
    endsLine: false,
    refusal: { stderr: "Not found.", code: 1 },
  },
  {
    name: "systemd-creds",
    args: ["cat", "nano-token"],
    session: "CREDENTIALS_DIRECTORY",
    endsLine: false,
    refusal: { stderr: "Failed to open credential", code: 1 },
  },
  {
    name: "gcloud",
    args: ["secrets", "versions", "access", "latest", "--secret=nano"],
    session: "CLOUDSDK_AUTH_ACCESS_TOKEN",
    endsLine: false,
    refusal: { stderr: "ERROR: (gcloud.secrets.versions.access)", code: 1 },
  },
  {
    name: "az",
    args: [
      ...["keyvault", "secret", "show", "--vault-name", "work"],
      ...["--name", "nano", "--query", "value", "--output", "tsv"],
    ],
    session: "AZURE_CONFIG_DIR",
    endsLine: true,
    refusal: { stderr: "(SecretNotFound)", code: 3 },
  },
];

/**
 * Puts a script in the place of each manager into a folder. It prints what is in
 * the file `secret` there, if its arguments are the right ones, its variable is
 * set, and none of ours is.
 */
export function installSecretManagers(folder: string): void {
  for (const manager of SECRET_MANAGERS) {
    const { name, args, session, endsLine, refusal } = manager;
    const path = join(folder, name);
    const lines = [
      "#!/bin/sh",
      `refuse() { echo '${refusal.stderr}' >&2; exit ${refusal.code}; }`,
      `[ $# = ${args.length} ] || refuse`,
      ...args.map((arg, at) => `[ "\${${at + 1}}" = '${arg}' ] || refuse`),
      `[ -n "\${${session}:-}" ] || refuse`,
      "env | grep -qE '^(NANOCTL|NANOSERVICES|CODER)_' && refuse",
      `printf ${endsLine ? "'%s\\n'" : "%s"} "$(cat '${folder}/secret')"`,
    ];
    Deno.writeTextFileSync(path, lines.join("\n") + "\n", { mode: 0o700 });
  }
}
