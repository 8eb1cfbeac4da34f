import {
  CODE_IS_VALID,
  DOCKER_STORES,
  type ExampleTable,
  IN_BASH,
  IN_ZSH,
  LOGS_IN_TO_GARDEN,
  pythonWith,
  startsAs,
  THINGS,
  TYPES_TOKEN,
} from "../support/example_ways.ts";
import { KEY_EXAMPLES } from "./key_examples.ts";

/** What is no command. */
const DATA = { elsewhere: "tests/store/documentation_test.ts" };

/** A client of GitHub gets a code, and then the token, with nobody's help but the example's. */
const ASKS_GITHUB = `curl -s http://127.0.0.1:7081/login/device/code \\
  -H 'Accept: application/json' -d client_id=nanoctl > device.json
USER_CODE=$(jq -r .user_code device.json)
`;
const POLLS_GITHUB = `curl -s http://127.0.0.1:7081/login/oauth/access_token \\
  -H 'Accept: application/json' -d client_id=nanoctl \\
  -d grant_type=urn:ietf:params:oauth:grant-type:device_code \\
  -d "device_code=$(jq -r .device_code device.json)" | jq -r .access_token`;

/** Secrets are what kubectl would have sent to a cluster. */
const KUBECTL = `kubectl() {
  case $1 in
    create) command kubectl "$@" --dry-run=client -o json > "$4.json" ;;
    get) jq -j .data.key "$3.json" ;;
  esac
}`;
const TAKES_MANIFESTS = {
  elsewhere: "tests/orchestration/kubernetes_test.ts",
};
const RUNS_PIPELINES = { elsewhere: "tests/orchestration/ci_test.ts" };
/** What README.md and the page on the same thing both show. */
const COMPILES = {
  after: "~/.local/bin/nanoctl --version",
  shows: /^nanoctl \d/m,
};
const LOGS_IN = {
  answers: TYPES_TOKEN,
  shows: /Welcome, ada\.[^]*Stored, encrypted,[^]*^ada$/m,
};
const SAYS_NOTHING = {
  shows: /^$/,
  sends: [/^GET https:\/\/nano\.example\.com\/v1\/me$/],
};
/** A reader of the tutorial has set no variable. */
const BY_PROFILE = "unset NANOSERVICES_URL";
const SAYS_ADA = { shows: /^ada\n$/ };
const RUNS_UNITS = { elsewhere: "tests/orchestration/systemd_test.ts" };

/** The examples of the pages. */
export const PAGE_EXAMPLES: ExampleTable = {
  "README.md": {
    "deno task compile": COMPILES,
    "nanoctl login --url https://nano.example.com": LOGS_IN,
    "export NANOSERVICES_URL=https://nano.example.com": SAYS_NOTHING,
    "export NANOSERVICES_TOKEN_FILE=/run/secrets/nanoservices": SAYS_ADA,
    "nanoctl external-auth access-token github": { shows: /^gho_\S+$/m },
    "nanoctl credential git --setup": {
      after: "cat private/file",
      shows: /the content/,
    },
    "nanoctl doctor": { shows: /^ok +token +/m },
    "npx -y deno@2.8.3 task demo": { impossible: "downloads Deno" },
  },

  "docs/install.md": {
    "deno task compile": COMPILES,
    "export NANOCTL_DOWNLOAD_URL=<the folder with SHA256SUMS and the archives>":
      {
        after: "~/.local/bin/nanoctl --version",
        shows: /^nanoctl \d/m,
        sends: [/^GET https:\/\/releases\.example\.com\/SHA256SUMS$/],
      },
    "sha256sum --check --ignore-missing SHA256SUMS": {
      after: "nanoctl-*-linux-x64/nanoctl --version",
      shows: /linux-x64\.tar\.gz: OK\n[^]*^nanoctl \d/m,
    },
    'eval "$(nanoctl completions bash)"      # in ~/.bashrc': {
      lines: [
        IN_BASH,
        IN_ZSH,
        {
          before: "mkdir -p ~/.config/fish/completions",
          after: "fish -c 'complete -C \"nanoctl who\"'",
          shows: /^whoami\b/m,
        },
      ],
    },
    "deno task setup      fetches what the build needs": {
      elsewhere: "tests/docs/readme_test.ts",
    },
  },

  "docs/login.md": {
    "nanoctl login --url https://nano.example.com": LOGS_IN,
    "export NANOSERVICES_URL=https://nano.example.com": SAYS_NOTHING,
    "export NANOSERVICES_TOKEN_FILE=/run/secrets/nanoservices": SAYS_ADA,
    'export NANOSERVICES_TOKEN_COMMAND="op read op://dev/nano/token"': {
      after: "unset NANOSERVICES_TOKEN_COMMAND; nanoctl status",
      shows: /^ada\n[^]*renews itself[^]*Stored, encrypted,/,
    },
    "pass show nano | nanoctl login --token-stdin --save": {
      shows: /"username":"ada"[^]*Stored, encrypted,/,
    },
    "nanoctl login --device": {
      answers: [
        [CODE_IS_VALID, "approve"],
        [CODE_IS_VALID, "approve", "Welcome, ada."],
      ],
      shows: /Welcome, ada\.[^]*\/\/id\.example\.com/,
    },
    "nanoctl login --client-credentials --issuer https://id.example.com --client-id build --client-secret-file secret.txt":
      { shows: /you are build[^]*Nothing was stored/ },
  },

  "docs/troubleshooting.md": {
    "nanoctl explain token_expired": { shows: /token_expired[^]*\b7\b/ },
    "$ nanoctl doctor": { elsewhere: "tests/docs/readme_test.ts" },
  },

  "docs/commands.md": {
    "nanoctl credential git --setup": {
      after: "cat private/file",
      shows: /the content/,
    },
    "nanoctl token --format 'machine {hostname} login {username} password {token}'":
      { shows: /^machine nano\.example\.com login ada password nano_\w+\n$/ },
    "nanoctl service test garden.json --url https://garden.example --token-file token":
      {
        ...LOGS_IN_TO_GARDEN,
        // What comes next on this page is about the other login.
        after: "nanoctl logout --profile garden",
      },
    "nanoctl api /v1/me": {
      shows: /"username":"ada"/,
      sends: [
        new RegExp(`^POST ${THINGS} {"name":"thing","colour":"blue"}$`),
        new RegExp(`^GET ${THINGS}\\?page=2$`),
        new RegExp(`^PUT ${THINGS}/7 {"name":"thing"}$`),
      ],
    },
    "nanoctl exec -- ./deploy.sh": {
      shows:
        /^to https:\/\/nano\.example\.com with a token\nmake publish with a token$/m,
    },
  },

  "docs/workspaces.md": {
    "OUTPUT=$(nanoctl external-auth access-token github)": {
      shows: /^Authenticated with GitHub$/m,
    },
    'nanoctl external-auth access-token slack --extra "authed_user.id"': {
      shows: /^U\w+\nteam-\d+$/m,
    },
  },

  "docs/api.md": {},

  "docs/releases.md": {
    // The tests of the packages install them, in places of their own.
    "apt install ./nanoctl_0.1.0-1_amd64.deb": {
      impossible: "changes the machine",
    },
    "npm install --global nanoctl": { impossible: "changes the machine" },
  },

  "docs/architecture.md": {
    "flowchart TD": { impossible: "a drawing" },
  },

  "docs/containers.md": {
    "docker build --file docs/containers/scratch/Dockerfile --tag nanoctl:0.1.0 dist/release":
      { elsewhere: "tests/images/images_test.ts" },
    "COPY --from=nanoctl:0.1.0 / /": {
      impossible: "a line of a reader's own Dockerfile",
    },
    "docker run --rm --read-only --user 65532:65532 --cap-drop ALL \\": {
      elsewhere: "tests/images/images_test.ts",
    },
  },

  "docs/credential_file.md": {
    '"version": 1,': { saves: "credentials.json" },
    '"version": 2,': { saves: "version_2.json" },
    '["nanoctl", version, key id, profile, service, url, username, expires_at]':
      DATA,
    '["nanoctl",1,"10520afec832c3b0e842dd41cc1c0da9","default","nanoservices","https://nano.example.com","ada","2027-01-31T12:00:00.000Z"]':
      DATA,
    '["nanoctl", version, key id, "registry", server URL, username]': DATA,
    '["nanoctl",1,"10520afec832c3b0e842dd41cc1c0da9","registry","ghcr.io","ada"]':
      DATA,
    '["nanoctl", version, "key", data key id, source, slot id, name]': DATA,
    '["nanoctl",2,"key","33da45dcc8713ed35fffec56f1c0ec0e","passphrase","a14a03759d820194bc1290001a22b7c1","recovery"]':
      DATA,
    '{ "version": 1, "commands": { "<slot id>": ["/usr/local/bin/age-key"] } }':
      DATA,
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=": { saves: "key" },
    "(printf 'nanoctl key id\\n'; base64 -d < key) | openssl dgst -sha256": {
      shows: /= 10520afec832c3b0e842dd41cc1c0da9/,
    },
    "import base64, json": {
      saves: "decrypt.py",
      after: "/usr/bin/python3 decrypt.py > printed",
      needs: pythonWith("cryptography"),
    },
    'default {"token":"nano_this-is-only-an-example"}': {
      saves: "documented",
      after: "diff documented printed",
      needs: pythonWith("cryptography"),
    },
    "import base64, hashlib, json": {
      saves: "decrypt_2.py",
      after: "mv version_2.json credentials.json\n" +
        "/usr/bin/python3 decrypt_2.py > printed",
      needs: pythonWith("cryptography"),
    },
    'keyfile {"token":"nano_this-is-only-an-example"}': {
      saves: "documented",
      after: "diff documented printed",
      needs: pythonWith("cryptography"),
    },
  },

  "docs/dev_server.md": {
    "nanoctl dev-server --port 7080 &": { shows: /"token":"nano_/ },
    'curl -X POST http://127.0.0.1:7080/dev/tokens -d \'{"state":"revoked"}\'':
      { shows: /"state":"revoked"[^]*"username":"grace"/ },
    "curl -X PATCH http://127.0.0.1:7080/dev/external-auth/slack -d '{\"connected\":true}'":
      { shows: /"connected":true[^]*"id":"gitlab"/ },
    "curl -X PUT http://127.0.0.1:7080/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'":
      { shows: /ey\w+\.\w+\.[^]*"session_token":"/ },
    'curl -X PATCH http://127.0.0.1:7080/dev/instance-identity -d \'{"fail_status":503,"fail_times":1}\'':
      { shows: /"fail_status":503/ },
    'curl -X PATCH http://127.0.0.1:7080/dev/access -d \'{"header":"X-Access-Id","value":"42"}\'':
      { shows: /"X-Access-Id"[^]*"header":null/i },
    'curl http://127.0.0.1:7081/dev/oauth/approvals -d \'{"user_code":"BDFG-HJKL","choice":"approve"}\'':
      {
        before: startsAs("github") + ASKS_GITHUB,
        after: POLLS_GITHUB,
        shows: /^gho_\w+$/m,
      },
    'curl -X PATCH http://127.0.0.1:7081/dev/vault -d \'{"namespace":"team","period":3600}\'':
      { before: startsAs("vault"), shows: /"namespace":"team"/ },
  },

  "docs/fleet.md": {
    "apiVersion: apps/v1": { elsewhere: "tests/docs/fleet_test.ts" },
    "apiVersion: v1": { elsewhere: "tests/docs/fleet_test.ts" },
  },
  "docs/ci.md": {
    "name: Publish": RUNS_PIPELINES,
    "publish:": RUNS_PIPELINES,
    "pipeline {": RUNS_PIPELINES,
  },
  "docs/systemd.md": {
    "install -D -m 644 -t /etc/systemd/system systemd/nanoctl-*.service systemd/nanoctl-*.timer":
      RUNS_UNITS,
    "install -D -m 600 token.txt /etc/nanoctl/token": RUNS_UNITS,
    "mkdir -p -m 700 /etc/credstore.encrypted": RUNS_UNITS,
  },
  "docs/kubernetes.md": {
    "head -c 32 /dev/urandom | base64 | kubectl create secret generic nanoctl-key --from-file=key=/dev/stdin":
      {
        before: KUBECTL,
        after:
          "jq -r .data.key nanoctl-key.json | base64 -d | base64 -d | wc -c",
        shows: /^32$/m,
      },
    "kubectl apply -f kubernetes/agent.yaml": TAKES_MANIFESTS,
    "kubectl apply -f kubernetes/build.yaml": TAKES_MANIFESTS,
    "(umask 077 && kubectl get secret nanoctl-key -o jsonpath='{.data.key}' | base64 -d > key)":
      {
        before: KUBECTL,
        after:
          "jq -r '.data[\"credentials.json\"]' nanoctl-login.json | base64 -d",
        shows: /"url": "https:\/\/nano\.example\.com"/,
      },
    "kubectl apply -f kubernetes/mounted_login.yaml": TAKES_MANIFESTS,
  },
  ...KEY_EXAMPLES,

  "docs/services.md": {
    "nanoctl service test garden.json --url https://garden.example --token-file token":
      LOGS_IN_TO_GARDEN,
    'nanoctl service add https://garden.example/nanoctl.json --sha256 "$SHA256"':
      { after: "nanoctl service list", shows: /^garden +Garden /m },
  },

  "docs/tools.md": {
    "nanoctl credential git --setup": {
      after: "git config --global credential.helper",
      shows: /^!\S*nanoctl'? credential git$/m,
    },
    "git config --global --add credential.helper '!nanoctl credential git'": {
      before: "git config --global --unset-all credential.helper",
      after: "git clone https://github.com/example/private by_hand",
    },
    "GIT_ASKPASS=nanoctl git clone https://github.com/example/private": {
      before: "git config --global --unset-all credential.helper",
      after: "cat private/file",
      shows: /the content/,
    },
    "apiVersion: v1": {
      elsewhere: "tests/binary/credential_kubernetes_test.ts",
    },
    "kubectl config set-context --current --user=nano": {
      elsewhere: "tests/binary/credential_kubernetes_test.ts",
    },
    "nanoctl token --format 'Authorization: Bearer {token}' | curl -H @- https://nano.example.com/v1/things":
      { shows: /^{"username":"ada"/m },
    "curl --netrc-file <(nanoctl token --format 'machine {hostname} login {username} password {token}') https://nano.example.com/v1/things":
      { shows: /^{"username":"ada"/m },
    "npm whoami --registry https://nano.example.com --userconfig <(nanoctl token --format '//{host}/:_authToken={token}')":
      { shows: /^ada$/m },
    "(umask 077 && nanoctl token --format 'NANO_TOKEN={token}' > .env)": {
      after: 'stat -c %a .env; . ./.env; test "$NANO_TOKEN" = "$SECRET"',
      shows: /^600$/m,
    },
    "nanoctl token --format '::add-mask::{token}'": {
      shows: /^::add-mask::nano_\w+\n$/,
    },
    'ln -s "$(which nanoctl)" ~/.local/bin/docker-credential-nanoctl': {
      before: "mkdir -p ~/.local/bin",
      after: "docker-credential-nanoctl list",
      shows: /^{}$/m,
    },
    '{ "credHelpers": { "ghcr.io": "nanoctl", "registry.example.com": "nanoctl" } }':
      {
        saves: "auth.json",
        after:
          `${DOCKER_STORES}\nskopeo login --authfile auth.json --get-login ghcr.io`,
        shows: /^grace$/m,
      },
    '{ "credsStore": "nanoctl" }': {
      saves: "config.json",
      after: "docker-credential-$(jq -r .credsStore config.json) list",
      shows: /^{"ghcr\.io":"grace"}$/m,
    },
  },
  "docs/tutorial.md": {
    "nanoctl dev-server --port 7080": {
      answers: [["Try, in another terminal:", "Ctrl-C"]],
      code: 130,
      shows: /^Token: nano_/m,
    },
    "nanoctl login --url http://127.0.0.1:7080": {
      before: BY_PROFILE,
      answers: TYPES_TOKEN,
      shows: /Welcome, ada\.[^]*Stored, encrypted,/,
    },
    "nanoctl whoami": { before: BY_PROFILE, shows: /^ada\n[^]*AES-256-GCM/ },
    'curl -H "Authorization: Bearer $(nanoctl token)" http://127.0.0.1:7080/v1/me':
      { before: BY_PROFILE, shows: /"username":"ada"/ },
    "nanoctl api /v1/me": { before: BY_PROFILE, shows: /"username":"ada"/ },
    "nanoctl exec --env API_TOKEN -- sh -c 'echo \"a token of ${#API_TOKEN} characters\"'":
      { before: BY_PROFILE, shows: /^a token of \d\d characters$/m },
    'nanoctl whoami --token nano_wrong || echo "exit code $?"': {
      before: BY_PROFILE,
      shows: /^exit code 4$[^]*^token_invalid \(exit code 4\)$[^]*^ok +token/m,
    },
    "nanoctl logout": { before: BY_PROFILE, shows: /^Logged out of default/m },
    "nanoctl login --url https://nano.example.com": {
      answers: TYPES_TOKEN,
      after: "git config --global credential.helper",
      shows: /^github +GitHub +yes$[^]*^!\S*nanoctl'? credential git$/m,
    },
    "git clone https://github.com/example/private": {
      after: "cat private/file; ! grep -r gho_ ~/.gitconfig private/.git",
      shows: /the content/,
    },
  },
  "docs/systems.md": {
    "export NANOCTL_BINARY=$(deno run -A scripts/elsewhere.ts linux-arm64)": {
      impossible: "takes QEMU, and minutes",
    },
  },
};
