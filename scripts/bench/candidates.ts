/** What takes part in the bench. */

import { SetupError } from "../process.ts";
import { ghHome, storeLogins } from "./homes.ts";
import type { Programs, Service } from "./programs.ts";
import { type Candidate, fed } from "./timer.ts";

/** The names of the candidates that goals are about. */
export const NAMES = {
  empty: "an empty program",
  ending: "a program that only ends",
  token: "token",
  tokenGiven: "token, from the environment",
  tokenMany: "token, of 10000 profiles",
  status: "status",
  help: "login --help",
  fetching: "a program that only fetches",
  whoami: "whoami",
  api: "api",
  externalAuth: "external-auth access-token",
  login: "login",
  git: "credential git get",
  docker: "credential docker get",
  kubernetes: "credential kubernetes",
  ghToken: "gh auth token",
  ghGit: "gh auth git-credential get",
  ghHelp: "gh auth login --help",
  ghApi: "gh api user",
} as const;

const MANY_PROFILES = 10_000;

/** A candidate, without the folder for its temporary files. */
type Start = Omit<Candidate, "emptied">;

/** Prepares the homes, and says what is to be started in them. The floor comes first. */
export async function prepareCandidates(
  work: string,
  programs: Programs,
  dev: Service,
  tls: Service,
): Promise<Candidate[]> {
  const [kept, emptied] = [`${work}/tmp/kept`, `${work}/tmp/emptied`];
  for (const folder of [kept, emptied]) {
    await Deno.mkdir(folder, { recursive: true });
  }
  const cold = (start: Start): Candidate => ({
    ...start,
    env: { TMPDIR: emptied, ...start.env },
    emptied,
  });
  const local = await localStarts(work, programs, dev);
  const token = local.find(({ name }) => name === NAMES.token);
  const warm = token
    ? [{
      ...token,
      name: `${NAMES.token}, warm`,
      env: { ...token.env, TMPDIR: kept },
    }]
    : [];
  return [
    ...local.map(cold),
    ...warm,
    ...(await requests(work, programs, tls)).map(cold),
  ];
}

/** What needs no network. */
async function localStarts(
  work: string,
  { nanoctl, empty, ending, gh }: Programs,
  { ready: { url = "", token = "" } }: Service,
): Promise<Start[]> {
  const [one, many, none] = [`${work}/one`, `${work}/many`, `${work}/none`];
  await storeLogins(one, 1, url, token);
  await storeLogins(many, MANY_PROFILES, url, token);
  const ours = (name: string, HOME: string, args: string[]): Start => ({
    name,
    program: nanoctl,
    args,
    env: { HOME },
  });
  const given = ours(NAMES.tokenGiven, none, ["token"]);
  return [
    { name: NAMES.empty, program: empty, args: [], env: { HOME: none } },
    { name: NAMES.ending, program: ending, args: [], env: { HOME: none } },
    ours(NAMES.token, one, ["token"]),
    { ...given, env: { ...given.env, NANOSERVICES_TOKEN: token } },
    ours(NAMES.tokenMany, many, ["token"]),
    ours("--version", one, ["--version"]),
    ours(NAMES.status, one, ["status"]),
    ours(NAMES.help, one, ["login", "--help"]),
    ...await toolStarts(work, one, url, ours),
    ...gh === undefined ? [] : await ghStarts(work, gh),
  ];
}

/** What tools ask, for the host of the service itself: nothing is sent. */
async function toolStarts(
  work: string,
  home: string,
  url: string,
  ours: (name: string, HOME: string, args: string[]) => Start,
): Promise<Start[]> {
  const { protocol, host } = new URL(url);
  const git = `${work}/asked_by_git`;
  await Deno.writeTextFile(
    git,
    `protocol=${protocol.slice(0, -1)}\nhost=${host}\n\n`,
  );
  const docker = `${work}/asked_by_docker`;
  await Deno.writeTextFile(docker, url);
  return [
    { ...ours(NAMES.git, home, ["credential", "git", "get"]), input: git },
    {
      ...ours(NAMES.docker, home, ["credential", "docker", "get"]),
      input: docker,
    },
    ours(NAMES.kubernetes, home, ["credential", "kubernetes"]),
  ];
}

async function ghStarts(work: string, program: string): Promise<Start[]> {
  const env = { HOME: `${work}/gh` };
  await ghHome(env.HOME);
  const input = `${work}/asked_by_git_of_gh`;
  await Deno.writeTextFile(input, "protocol=https\nhost=github.com\n\n");
  return [
    { name: NAMES.ghToken, program, args: ["auth", "token"], env },
    { name: "gh --version", program, args: ["--version"], env },
    {
      name: NAMES.ghGit,
      program,
      args: ["auth", "git-credential", "get"],
      env,
      input,
    },
    { name: NAMES.ghHelp, program, args: ["auth", "login", "--help"], env },
  ];
}

/** What sends one request over TLS, to the same server with the same token. */
async function requests(
  work: string,
  { nanoctl, fetching, gh }: Programs,
  { ready: { url = "", host = "", token = "", ca = "" } }: Service,
): Promise<Start[]> {
  const HOME = `${work}/over_tls`;
  await storeLogins(HOME, 1, url, token);
  const env = { HOME, SSL_CERT_FILE: ca };
  const ours = (name: string, args: string[]): Start => ({
    name,
    program: nanoctl,
    args,
    env,
  });
  const login = ours(NAMES.login, ["login", "--url", url]);
  return [
    {
      name: NAMES.fetching,
      program: fetching,
      args: [],
      env: { ...env, BENCH_URL: `${url}/v1/me`, BENCH_TOKEN: token },
    },
    ours(NAMES.whoami, ["whoami"]),
    ours(NAMES.api, ["api", "/v1/me"]),
    ours(NAMES.externalAuth, ["external-auth", "access-token", "github"]),
    { ...login, env: { ...env, NANOSERVICES_TOKEN: token } },
    ...gh === undefined ? [] : [{
      name: NAMES.ghApi,
      program: gh,
      args: ["api", "user"],
      env: {
        HOME: `${work}/gh`,
        SSL_CERT_FILE: ca,
        GH_HOST: host,
        GH_ENTERPRISE_TOKEN: token,
      },
    }],
  ];
}

/** Throws a SetupError where a candidate fails: nobody is to measure that. */
export async function checkCandidates(candidates: Candidate[]): Promise<void> {
  for (const candidate of candidates) {
    const { name, env } = candidate;
    const { program, args } = fed(candidate);
    const { success, stderr } = await new Deno.Command(program, {
      args,
      env,
      clearEnv: true,
      stdin: "null",
    }).output();
    if (success) continue;
    throw new SetupError(`${name} fails: ${new TextDecoder().decode(stderr)}`);
  }
}
