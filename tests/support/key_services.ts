import { join } from "@std/path";
import { programs } from "./store_files.ts";

/**
 * Vault's program, for the transit engine: mounted and with a key it asks the
 * server at VAULT_ADDR, and `-` is what it reads.
 */
const VAULT = `
ask() {
  test -e "$0.key" || refuse
  printf '{"%s":"%s"}' "$2" "$(cat)" |
    curl -sSf -H "X-Vault-Token: $VAULT_TOKEN" -d @- "$VAULT_ADDR/v1/$1" |
    sed -n "s/.*\\"$3\\":\\"\\([^\\"]*\\)\\".*/\\1/p" | tr -d '\\n'
}
case $* in
  'secrets enable transit') touch "$0.mounted" ;;
  'write -f transit/keys/nanoctl')
    test -e "$0.mounted" || refuse
    touch "$0.key" ;;
  'write -field=ciphertext transit/encrypt/nanoctl plaintext=-')
    ask transit/encrypt/nanoctl plaintext ciphertext ;;
  'write -field=plaintext transit/decrypt/nanoctl ciphertext=-')
    ask transit/decrypt/nanoctl ciphertext plaintext ;;
  *) refuse ;;
esac`;

/** KMS of AWS: a blob is bytes in a file, and base64 where it is printed. */
const AWS = `
common='--key-id alias/nanoctl --encryption-context use=nanoctl'
blob='fileb:///dev/stdin'
case $* in
  "kms encrypt $common --plaintext $blob --query CiphertextBlob --output text")
    { echo sealed; cat; } | base64 | tr -d '\\n' ;;
  "kms decrypt $common --ciphertext-blob $blob --query Plaintext --output text")
    read -r seal && test "$seal" = sealed || refuse
    base64 | tr -d '\\n' ;;
  *) refuse ;;
esac
echo`;

/** Cloud KMS: bytes come in, and bytes go out. */
const GCLOUD = `
key='--location=global --keyring=nanoctl --key=data-key'
case $* in
  "kms encrypt $key --plaintext-file=- --ciphertext-file=-") echo sealed; cat ;;
  "kms decrypt $key --ciphertext-file=- --plaintext-file=-")
    read -r seal && test "$seal" = sealed || refuse
    cat ;;
  *) refuse ;;
esac`;

/** Key Vault: base64 comes in, and base64 goes out, in a JSON that --query reads. */
const AZ = `
id=https://my-vault.vault.azure.net/keys/nanoctl/0123456789abcdef0123456789abcdef
end='--algorithm RSA-OAEP-256 --data-type base64 --value @- --query result --output tsv'
case $* in
  "keyvault key encrypt --id $id $end")
    base64 -d | { echo sealed; cat; } | base64 | tr -d '\\n' ;;
  "keyvault key decrypt --id $id $end")
    base64 -d | {
      read -r seal && test "$seal" = sealed || refuse
      base64 | tr -d '\\n'
    } || exit ;;
  *) refuse ;;
esac
echo`;

/** An identity of age's own, in the place of one that a YubiKey keeps. */
const YUBIKEY = `
test "$*" = '--generate --touch-policy cached' || refuse
exec age-keygen`;

/** The programs, by name. */
const SERVICES = {
  "vault": VAULT,
  "aws": AWS,
  "gcloud": GCLOUD,
  "az": AZ,
  "age-plugin-yubikey": YUBIKEY,
};

/**
 * Puts a script into a folder for each program of docs/key_sources.md that tests
 * have none of. It takes the arguments that the vendor documents, and nothing
 * else, and what it wraps is not what it was given.
 */
export function installKeyServices(folder: string): void {
  for (const [name, script] of Object.entries(SERVICES)) {
    const refuse = `refuse() { echo "${name} refuses $*" >&2; exit 9; }`;
    Deno.writeTextFileSync(
      join(folder, name),
      `#!/bin/sh\n${refuse}${script}\n`,
      { mode: 0o700 },
    );
  }
}

/** Whether systemd-creds can make a key of its own here, as root or not. */
export function systemdCreds(): string | undefined {
  const missing = programs("systemd-creds")();
  if (missing !== undefined) return missing;
  const folder = Deno.makeTempDirSync({ prefix: "nanoctl-creds-" });
  try {
    const { success } = new Deno.Command("systemd-creds", {
      args: ["setup"],
      env: { SYSTEMD_CREDENTIAL_SECRET: `${folder}/secret` },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? undefined : "systemd-creds can't make a host key here";
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
