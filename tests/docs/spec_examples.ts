import {
  ADDED,
  CODE_IS_VALID,
  DOCKER_STORES,
  type ExampleTable,
  IN_BASH,
  IN_ZSH,
  NEW_PASSPHRASE,
  THINGS,
  TYPES_TOKEN,
  type Way,
} from "../support/example_ways.ts";

/** A key is there, and gone. */
const WITHOUT_OLD_LAPTOP: Way = {
  before:
    "nanoctl store key add --name old-laptop --key-source command:age-key",
  after: "! nanoctl store key list | grep old-laptop",
  shows: /old-laptop/,
};

/** The examples of the commands' specs, with two stored logins. */
export const SPEC_EXAMPLES: ExampleTable<Way> = {
  "login": {
    "nanoctl login": { answers: TYPES_TOKEN, shows: /Welcome, ada\./ },
    "NANOSERVICES_TOKEN=… nanoctl login": { shows: /^$/ },
    "nanoctl login --token-stdin < token.txt": { shows: /you are ada/ },
    "nanoctl login --save --token-command 'op read op://dev/nano/token'": {
      after: "nanoctl status",
      shows: /renews itself[^]*you are ada/,
    },
    "nanoctl login --service coder --url https://coder.example": {
      answers: [["Token ", "coder token", "paste it here."]],
      shows: /Welcome, ada\./,
    },
    "nanoctl login --device": {
      answers: [[CODE_IS_VALID, "approve"]],
      shows: /Welcome, ada\./,
    },
    "nanoctl login --device --issuer https://id.example": {
      answers: [[CODE_IS_VALID, "approve"]],
      shows: /Welcome, ada\. [^]*\/\/id\.example\b/,
    },
  },
  "logout": {
    "nanoctl logout": { after: "nanoctl status", shows: /\bwork\b/ },
    "nanoctl logout --revoke": {
      sends: [/^POST https:\/\/nano\.example\.com\/v1\/logout$/],
    },
  },
  "whoami": {
    "nanoctl whoami": { shows: /^ada\n$/ },
    "nanoctl whoami --json | jq -r .account.email": {
      shows: /^ada@example\.com\n$/,
    },
  },
  "status": {
    "nanoctl status": { shows: /\* +default/ },
    "nanoctl status --check --quiet": {
      shows: /\* +default/,
      sends: [/^GET https:\/\/nano\.example\.com\/v1\/me$/],
    },
  },
  "doctor": {
    "nanoctl doctor": { shows: /^ok +token/m },
    "nanoctl doctor --url https://nano.example.com": { shows: /^ok +token/m },
    "nanoctl doctor --json | jq '.checks[] | .result'": { shows: /^"ok"$/m },
  },
  "token": {
    "nanoctl token --format 'Authorization: Bearer {token}' | curl -H @- …": {
      shows: /^{"username":"ada"/m,
    },
    "nanoctl token --json": { shows: /"token":"nano_\w+"[^]*"expires_at":/ },
    "nanoctl token --format 'NANO_TOKEN={token}'": {
      shows: /^NANO_TOKEN=nano_\w+\n$/,
    },
  },
  "external-auth access-token": {
    "nanoctl external-auth access-token github": { shows: /^gho_\S+\n$/ },
    "nanoctl external-auth access-token slack --extra authed_user.id": {
      shows: /^U\w+\n$/,
    },
  },
  "external-auth list": {
    "nanoctl external-auth list": { shows: /^github +GitHub +yes/m },
    "nanoctl external-auth list --json | jq -r '.providers[].id'": {
      shows: /^github\nslack\n$/,
    },
  },
  "credential git": {
    "nanoctl credential git --setup": {
      after: "git clone https://github.com/example/private; cat private/file",
      shows: /the content/,
    },
    "nanoctl credential git --setup --profile work": {
      after:
        "git credential fill <<< $'protocol=https\\nhost=nano.example.com\\n'",
      shows: /^username=grace$/m,
    },
    "nanoctl credential git --teardown": {
      before: "nanoctl credential git --setup",
      after: "! git config --global credential.helper",
    },
  },
  "credential kubernetes": {
    "nanoctl credential kubernetes": { shows: /"token":"nano_\w+"/ },
    "nanoctl credential kubernetes --profile work": {
      shows: /"token":"nano_\w+"/,
    },
  },
  "credential docker": {
    'ln -s "$(which nanoctl)" docker-credential-nanoctl': {
      after: "./docker-credential-nanoctl list",
      shows: /^{}$/m,
    },
    "nanoctl credential docker list": {
      before: DOCKER_STORES,
      shows: /^{"ghcr\.io":"grace"}$/m,
    },
  },
  "api": {
    "nanoctl api /v1/me": { shows: /"username":"ada"/ },
    "nanoctl api /v1/things -f name=thing -f colour=blue": {
      sends: [new RegExp(`^POST ${THINGS} {"name":"thing","colour":"blue"}$`)],
    },
    "nanoctl api /v1/things -X PUT --input thing.json": {
      sends: [new RegExp(`^PUT ${THINGS} {"name":"thing"}$`)],
    },
  },
  "exec": {
    "nanoctl exec -- ./deploy.sh": {
      shows: /^to https:\/\/nano\.example\.com with a token$/m,
    },
    "nanoctl exec --env API_TOKEN -- make publish": {
      shows: /^make publish with a token$/m,
    },
  },
  "service add": {
    "nanoctl service add garden.json": {
      after: "nanoctl service list",
      shows: /^garden +Garden /m,
    },
    "nanoctl service add https://garden.example/nanoctl.json": {
      answers: [["Press Enter", "Enter"]],
      after: "nanoctl service show garden",
      shows: /"name": ?"garden"/,
    },
  },
  "service list": {
    "nanoctl service list": { shows: /^github +GitHub /m },
    "nanoctl service list --json | jq -r '.services[].name'": {
      shows: /^github$/m,
    },
  },
  "service show": {
    "nanoctl service show github": { shows: /api\.github\.com/ },
    "nanoctl service show github > my-service.json": {
      after: "jq -r .name my-service.json",
      shows: /^github$/m,
    },
  },
  "service remove": {
    "nanoctl service remove garden": {
      before: ADDED,
      after: "! nanoctl service show garden",
    },
    "nanoctl logout --service garden": {
      before: `${ADDED}
unset NANOSERVICES_URL
nanoctl login --service garden --token-stdin --save < token`,
      shows: /^Logged out of default/m,
    },
  },
  "service test": {
    "nanoctl service test garden.json --token-file token": {
      before: "unset NANOSERVICES_URL",
      shows: /^ok +token .* you are ada/m,
    },
    "nanoctl service test garden --profile green": {
      before: `${ADDED}
unset NANOSERVICES_URL
nanoctl login --service garden --profile green --token-stdin --save < token`,
      shows: /^ok +token .*profile green/m,
    },
  },
  "use": {
    "nanoctl use work": { after: "nanoctl whoami", shows: /^grace$/m },
    "nanoctl whoami --profile work": { shows: /^grace\n$/ },
  },
  "store info": {
    "nanoctl store info": { shows: /key file|keyfile/i },
    "nanoctl store info --json": { shows: /"key_source":"keyfile"/ },
  },
  "store rekey": {
    "nanoctl store rekey": { after: "nanoctl token", shows: /^nano_\w+$/m },
    "nanoctl store rekey --key-source passphrase": {
      answers: NEW_PASSPHRASE,
      after: "nanoctl store info --json",
      shows: /"key_source":"passphrase"/,
    },
  },
  "store key add": {
    "nanoctl store key add --name recovery --key-source passphrase": {
      answers: NEW_PASSPHRASE,
      after: "nanoctl store key list",
      shows: /^keyfile [^]*^recovery +passphrase/m,
    },
    "nanoctl store key add --key-source 'command:/usr/local/bin/age-key'": {
      after: "rm ~/.local/share/nanoctl/key; nanoctl token",
      shows: /^nano_\w+$/m,
    },
  },
  "store key list": {
    "nanoctl store key list": { shows: /^keyfile +key file +\w{32} /m },
    "nanoctl store key list --check": { shows: /^keyfile .* yes$/m },
    "nanoctl store key list --json": { shows: /"source":"keyfile"/ },
  },
  "store key remove": {
    "nanoctl store key remove old-laptop": WITHOUT_OLD_LAPTOP,
    "nanoctl store key remove old-laptop --json": WITHOUT_OLD_LAPTOP,
  },
  "completions": {
    'eval "$(nanoctl completions bash)"': IN_BASH,
    'eval "$(nanoctl completions zsh)"': IN_ZSH,
    "nanoctl completions fish | source": {
      shell: "fish",
      after: "complete -C 'nanoctl who'",
      shows: /^whoami\b/m,
    },
  },
  "explain": {
    "nanoctl explain network_tls": { shows: /^- .*--ca-file/m },
    "nanoctl explain 7": { shows: /^file_key \(exit code 7\)$/m },
  },
  "dev-server": {
    "nanoctl dev-server": {
      answers: [["Try, in another terminal:", "Ctrl-C"]],
      code: 130,
      shows: /^Token: nano_/m,
    },
    "nanoctl dev-server --port 0 --json > service.json &": {
      after:
        "until test -s service.json; do sleep 0.05; done; jq -r .url service.json",
      shows: /^http:\/\/127\.0\.0\.1:\d+$/m,
    },
    "nanoctl dev-server --metadata aws": {
      answers: [["export AWS_EC2_METADATA_SERVICE_ENDPOINT=", "Ctrl-C"]],
      code: 130,
    },
    "nanoctl dev-server --as github": {
      answers: [["nanoctl whoami --service github", "Ctrl-C"]],
      code: 130,
      shows: /^Token: ghp_/m,
    },
  },
};
