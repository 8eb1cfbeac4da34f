import {
  type ExampleTable,
  keepsTheKey,
  NEW_PASSPHRASE,
  OPENS_ALONE,
  opensAlone,
} from "../support/example_ways.ts";
import { systemdCreds } from "../support/key_services.ts";
import { programs } from "../support/store_files.ts";

const AGE = programs("age", "age-keygen");
const ASKED = "Passphrase of the credential file";

/** The examples of the pages about who keeps the key, and who the token. */
export const KEY_EXAMPLES: ExampleTable = {
  "docs/key_sources.md": {
    "nanoctl store key add --key-source passphrase": {
      before:
        "nanoctl store key add --name old-laptop --key-source command:age-key",
      answers: [
        ...NEW_PASSPHRASE,
        ["Passphrase of the key passphrase", "passphrase"],
      ],
      shows: /^passphrase .* yes$[^]*The key old-laptop no longer opens/m,
    },
    "nanoctl store key add --name recovery --key-source passphrase": {
      before: "nanoctl store key remove passphrase",
      answers: NEW_PASSPHRASE,
    },
    "nanoctl token": {
      before: `nanoctl store key add --name laptop --key-source command:age-key
nanoctl store key remove keyfile
rm -r ~/.local/share/nanoctl`,
      answers: [
        [ASKED, "passphrase"],
        [ASKED, "passphrase", "nano_"],
        ["Passphrase of the key recovery", "passphrase"],
      ],
      after: "nanoctl store key list --json",
      shows: /"name":"recovery"[^\n]*"name":"here"/,
    },
    "mkdir -p -m 700 ~/.config/age": {
      after: "stat -c %a ~/.config/age/nanoctl.txt",
      shows: /^600$/m,
      needs: AGE,
    },
    "# nanoctl-age: keeps nanoctl's data key with age.": {
      ...keepsTheKey("nanoctl-age"),
      needs: AGE,
    },
    "nanoctl store key add --key-source command:nanoctl-age": {
      before: `export NANOCTL_CONFIG_DIR=~/new
nanoctl login --token-file token.txt --save`,
      after: "rm ~/.local/share/nanoctl/key; nanoctl token",
      shows: /^nano_\w+$/m,
      needs: AGE,
    },
    "age-plugin-yubikey --generate --touch-policy cached > ~/.config/age/nanoctl.txt":
      {
        after: opensAlone("nanoctl-age"),
        shows: OPENS_ALONE,
        needs: AGE,
      },
    "# nanoctl-systemd: keeps nanoctl's data key with this machine.": {
      ...keepsTheKey("nanoctl-systemd"),
      needs: systemdCreds,
    },
    "# nanoctl-vault: keeps nanoctl's data key with Vault's transit engine.": {
      ...keepsTheKey("nanoctl-vault"),
      needs: programs("curl"),
    },
    "# nanoctl-transit: keeps nanoctl's data key with the transit engine, by curl.":
      keepsTheKey("nanoctl-transit"),
    "# nanoctl-aws: keeps nanoctl's data key with AWS KMS.": keepsTheKey(
      "nanoctl-aws",
    ),
    "# nanoctl-gcloud: keeps nanoctl's data key with Cloud KMS.": keepsTheKey(
      "nanoctl-gcloud",
    ),
    "# nanoctl-azure: keeps nanoctl's data key with Azure Key Vault.":
      keepsTheKey("nanoctl-azure"),
  },

  "docs/secret_managers.md": {
    "nanoctl whoami --token-command 'op read op://dev/nano/token'": {
      shows: /^ada\n$/,
    },
    "export NANOSERVICES_TOKEN_COMMAND='op read op://dev/nano/token'": {
      after: "nanoctl whoami",
      shows: /^ada\n$/,
    },
    "nanoctl whoami --token-command \"sh -c 'pass show work/nano | head -n 1'\"":
      { shows: /^ada\n$/ },
    'export NANOSERVICES_TOKEN_COMMAND=\'["pass", "show", "my token"]\'': {
      after: "nanoctl whoami",
      shows: /^ada\n$/,
    },
  },
};
