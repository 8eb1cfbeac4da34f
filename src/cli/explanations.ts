import type { ErrorCode } from "../errors.ts";

/** What an error code means, and what to do about it. */
export interface Explanation {
  /** One or two sentences. */
  readonly meaning: string;
  /** What to try, the likeliest first; each one sentence. */
  readonly remedies: readonly string[];
}

/** Every error code explained: what `nanoctl explain` prints and docs/reference/errors.md shows. */
export const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  failed: {
    meaning: "The command failed for a reason that has no code of its own.",
    remedies: [
      "Read the message: it names the cause.",
      "Run the command again with --verbose to see each request.",
    ],
  },
  external_auth_required: {
    meaning:
      "The service has no token of this external provider for you yet, so you have to authenticate with the provider first.",
    remedies: [
      "Open the URL in the hint, sign in and run the command again.",
      "In a script, read the URL from stdout: it is printed there and the exit code is 1.",
    ],
  },
  usage: {
    meaning:
      "The command line, a variable or a file that it names is wrong, or there is neither a token nor a terminal to ask for one.",
    remedies: [
      "Run the command with --help to see its options and examples.",
      "In a script, pass the token with NANOSERVICES_TOKEN, NANOSERVICES_TOKEN_FILE or --token-stdin.",
    ],
  },
  provider_unknown: {
    meaning: "The service has no external provider of this name.",
    remedies: ["List the providers with 'nanoctl external-auth list'."],
  },
  not_logged_in: {
    meaning:
      "There is no token: none is stored for this profile and URL, and none is in the environment or on the command line.",
    remedies: [
      "Log in with 'nanoctl login', and --url for a service of your own.",
      "Run 'nanoctl status' to see which profiles are stored and which one is active.",
      "In CI, check that the variable with the token reaches this step.",
    ],
  },
  token_invalid: {
    meaning:
      "The service does not know this token. It may be mistyped, cut short, deleted, or a token of another service.",
    remedies: [
      "Create a new token on the page that the hint names and log in again.",
      "Check the URL: a token of one service is refused by another.",
    ],
  },
  token_expired: {
    meaning: "The token was valid and has expired.",
    remedies: [
      "Create a new token and log in again.",
      "Use 'nanoctl login --device' where the service offers it: such a login renews itself.",
      "If the error mentions a clock, set the clock of this machine.",
    ],
  },
  token_revoked: {
    meaning: "The token was valid and has been revoked.",
    remedies: [
      "Find out who revoked it and why before you create a new one.",
      "Log in again with 'nanoctl login'.",
    ],
  },
  insufficient_scope: {
    meaning:
      "The token is valid, but it may not do this: it lacks a scope or a permission.",
    remedies: [
      "Create a token with the scope that the message names and log in again.",
      "Ask an administrator of the service if your account may do it at all.",
    ],
  },
  login_denied: {
    meaning:
      "The server refused the login: the person denied it, or the server does not accept the client, the scope or the workload's token.",
    remedies: [
      "Start the login again and approve it.",
      "Check --client-id, --scope and --audience against what the server allows.",
    ],
  },
  login_expired: {
    meaning: "Nobody approved the code before it expired.",
    remedies: ["Run 'nanoctl login --device' again and approve it in time."],
  },
  login_ended: {
    meaning:
      "The stored login renewed itself until now, and the server no longer renews it. It may have been ended there, or have reached its longest life.",
    remedies: ["Log in again with 'nanoctl login'."],
  },
  network_name: {
    meaning: "The name of the host could not be resolved.",
    remedies: [
      "Check the spelling of the URL.",
      "Check DNS: in a container /etc/resolv.conf, on a laptop the VPN.",
      "Set HTTPS_PROXY if this network reaches the internet through a proxy only.",
    ],
  },
  network_refused: {
    meaning: "The host is there, but nothing accepts connections on this port.",
    remedies: [
      "Check the port in the URL, and that the service is running.",
      "In a container, localhost is the container itself.",
    ],
  },
  network_tls: {
    meaning:
      "The secure connection failed: the certificate is not trusted, not for this host or not valid now.",
    remedies: [
      "Name your company's certificate authority with --ca-file or SSL_CERT_FILE.",
      "Check the clock of this machine if the certificate is said to be expired or not yet valid.",
      "Check that the URL has the host name of the certificate.",
    ],
  },
  network_timeout: {
    meaning: "The service did not answer within the time limit.",
    remedies: [
      "Try again, or allow more time with --timeout <seconds>.",
      "Check whether a firewall or a proxy swallows the connection.",
    ],
  },
  network_proxy: {
    meaning: "The proxy could not be reached, or did not make the connection.",
    remedies: [
      "Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.",
      "List hosts to reach directly in NO_PROXY.",
    ],
  },
  network_proxy_login: {
    meaning: "The proxy asks for a user name and a password (407).",
    remedies: [
      "Put them into the proxy's URL: http://user:password@proxy.example.com:3128.",
      "Percent-encode characters such as @ and : in them.",
    ],
  },
  network: {
    meaning: "The connection broke or could not be made for another reason.",
    remedies: [
      "Try again: requests that are safe to repeat were repeated already.",
      "Run the command with --verbose to see what was sent when.",
    ],
  },
  service_error: {
    meaning: "The service failed: it answered with a status of 500 or more.",
    remedies: [
      "Try again later; the time is in the message if the service names one.",
      "Look at the service's status page.",
    ],
  },
  service_response: {
    meaning:
      "The answer is not what this service sends: a web page, JSON of another form, or too much of it.",
    remedies: [
      "Check --url: it may be another service, or a page that asks you to sign in first.",
      "Name the service with --service if nanoctl takes it for another one.",
      "Sign in to the network if this one shows a page to everyone at first.",
    ],
  },
  extra_missing: {
    meaning: "The token has no extra property of this name.",
    remedies: [
      "See which it has with 'nanoctl external-auth access-token --json'.",
    ],
  },
  rate_limited: {
    meaning: "The service refuses more requests for now (429).",
    remedies: [
      "Wait for as long as the message says, then try again.",
      "Call nanoctl less often: 'nanoctl token' sends no request unless the login has to be renewed.",
    ],
  },
  redirect_refused: {
    meaning:
      "The service redirected to another origin, which does not get the token.",
    remedies: [
      "If that is the service, name it with --url.",
      "Write https:// where the service redirects http:// to https://.",
    ],
  },
  file_corrupt: {
    meaning:
      "The credential file or an entry in it is damaged, was edited by hand, or was written by a newer version.",
    remedies: [
      "Restore the file from a backup.",
      "Upgrade nanoctl if the message says that the file is newer.",
      "Run 'nanoctl login --force': it moves the file aside, deletes nothing and starts a new one.",
    ],
  },
  file_key: {
    meaning:
      "The key at hand does not decrypt the credential file: it is missing, the wrong one, or its helper or command fails.",
    remedies: [
      "Run 'nanoctl store info' to see where this file's key is expected.",
      "Restore the key file from a backup, or set the variable with the passphrase or key.",
      "Use another key of the file if 'nanoctl store key list' shows one.",
      "Run 'nanoctl login --force' to start a new file if the key is lost: the tokens in the old one are lost too, so revoke them.",
    ],
  },
  file_permissions: {
    meaning:
      "Other users may read or change the credential file, the key file or their folders, or the files belong to someone else.",
    remedies: [
      "Run the command in the hint, such as chmod 600 for a file and chmod 700 for a folder.",
      "If others could read the file and its key, revoke the tokens and log in again.",
    ],
  },
  file_locked: {
    meaning:
      "Another nanoctl is changing the credential file and did not finish in time.",
    remedies: [
      "Try again.",
      "Look for a nanoctl that waits at a prompt, and end it: the lock ends with the process.",
    ],
  },
  file_unwritable: {
    meaning:
      "The credential file or the key file can't be written: the disk is full, the file system is read-only, or NANOCTL_READ_ONLY is set.",
    remedies: [
      "Set NANOCTL_CONFIG_DIR and XDG_DATA_HOME to folders that you may write.",
      "Where nothing can be written, pass the token with NANOSERVICES_TOKEN or NANOSERVICES_TOKEN_FILE instead of storing it.",
    ],
  },
  command_not_executable: {
    meaning: "The program that 'nanoctl exec' was to run can't be executed.",
    remedies: ["Check that it is a program for this system, with mode +x."],
  },
  command_not_found: {
    meaning: "The program that 'nanoctl exec' was to run was not found.",
    remedies: [
      "Check its name and PATH; entries of PATH that are relative are ignored.",
    ],
  },
  interrupted: {
    meaning:
      "Ctrl-C or a signal ended the command. Nothing was left half done.",
    remedies: ["Run it again."],
  },
};
