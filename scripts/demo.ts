/**
 * A guided tour of nanoctl: runs real commands of the compiled program against
 * the embedded service, in a temporary home. Exits 0 only if all work as expected.
 *
 *   deno task demo
 */
import { PseudoTerminal } from "./pseudo_terminal.ts";

interface Step {
  /** The caption. */
  says: string;
  /** The command line, which a shell runs exactly as shown. */
  command: string;
  /** The external provider that a user connects first. */
  connects?: string;
  /** What to type once the program prompts. */
  types?: string;
  exitCode?: number;
  /** What the output must match. */
  shows: RegExp;
}

const STEPS: Step[] = [
  {
    says: "A machine logs in with the environment: no news is good news.",
    command: "NANOSERVICES_TOKEN=$TOKEN nanoctl login",
    shows: /^$/,
  },
  {
    says: "With an option nanoctl says who you are, and keeps nothing.",
    command: "nanoctl login --token $TOKEN",
    shows: /you are ada[\s\S]*Nothing was stored/,
  },
  {
    says: "So there is still not a single file in the home folder:",
    command: "find $HOME -type f | wc -l",
    shows: /^\s*0\s*$/,
  },
  {
    says:
      "A person logs in at a masked prompt. The token is stored, encrypted.",
    command: "nanoctl login",
    types: "token",
    shows: /Welcome, ada[\s\S]*in 30 days[\s\S]*Stored, encrypted/,
  },
  {
    says: "Now every command knows you.",
    command: "nanoctl whoami",
    shows: /^ada$/m,
  },
  {
    says: "What is stored, where it comes from, how long it lasts:",
    command: "nanoctl status",
    shows: /\* +default[\s\S]*AES-256-GCM/,
  },
  {
    says: "The token is in no file as it is. What is there is sealed:",
    command:
      'grep -r -c "$TOKEN" $HOME/.config; grep -o \'"sealed": ".\\{24\\}\' $HOME/.config/nanoctl/credentials.json',
    shows: /:0[\s\S]*"sealed": "/,
  },
  {
    says: "A script takes the token when it needs it.",
    command:
      'test "$(nanoctl token)" = "$TOKEN" && echo "the very token that was typed"',
    shows: /the very token/,
  },
  {
    says: "A token that has expired is refused with exit code 4, and says why.",
    command: "nanoctl whoami --token $EXPIRED",
    exitCode: 4,
    shows: /error: .*it has expired\nhint: /,
  },
  {
    says: "Scripts get the same as an object.",
    command: "nanoctl whoami --token $EXPIRED --json",
    exitCode: 4,
    shows: /"code":"token_expired"/,
  },
  {
    says: "The service also knows external providers. Nobody is connected yet:",
    command: "nanoctl external-auth list",
    shows: /github +GitHub +no[\s\S]*slack +Slack +no/,
  },
  {
    says: "So there is no token of GitHub, but a URL at which to get one.",
    command: "nanoctl external-auth access-token github",
    exitCode: 1,
    shows: /^http:.*\/external-auth\/github\nerror: not authenticated/m,
  },
  {
    says: "Somebody opens it and clicks on Connect. The same command again:",
    connects: "github",
    command: "nanoctl external-auth access-token github",
    shows: /^gh\w+$/m,
  },
  {
    says: "A program in a workspace is an agent, with a token of its own.",
    command:
      "nanoctl external-auth access-token github --agent-token-file $AGENT_FILE",
    shows: /^gh\w+$/m,
  },
  {
    says: "On a cloud instance it needs no secret: the instance proves itself.",
    command:
      "nanoctl external-auth access-token github --auth aws-instance-identity",
    shows: /^gh\w+$/m,
  },
  {
    says: "All of this works with Coder too, as a person and in a workspace.",
    command: "nanoctl login --service coder --token $CODER_TOKEN",
    shows: /you are ada/,
  },
  {
    says: "A workspace of Coder has these two variables set.",
    command:
      "CODER_AGENT_URL=$NANOSERVICES_URL CODER_AGENT_TOKEN=$CODER_AGENT \\\n" +
      "    nanoctl external-auth access-token github",
    shows: /^gh\w+$/m,
  },
  {
    says: "Log out, and end the token at the service too.",
    command: "nanoctl logout --revoke",
    shows: /Logged out of default.*ended at the service/,
  },
  {
    says: "Gone:",
    command: "nanoctl whoami",
    exitCode: 3,
    shows: /error: not logged in/,
  },
];

const BINARY_FOLDER = `${import.meta.dirname}/../dist`;
const colors = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");

/** The demo's environment: the embedded service and the shell's variables. */
interface Stage {
  service: Deno.ChildProcess;
  env: Record<string, string>;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function styled(text: string, code: number): string {
  return colors ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** Starts the service, and creates the commands' files in this folder. */
async function setStage(folder: string): Promise<Stage> {
  const env = {
    HOME: `${folder}/home`,
    PATH: `${BINARY_FOLDER}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
    TERM: "xterm",
    ...(colors ? {} : { NO_COLOR: "1" }),
  };
  const service = new Deno.Command(`${BINARY_FOLDER}/nanoctl`, {
    args: ["dev-server", "--port", "0", "--metadata", "aws", "--json"],
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const said = await firstJsonLine(service.stdout);
  const minted = await fetch(`${said.url}/dev/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ state: "expired" }),
  });
  const { token: expired } = await minted.json();
  await Deno.mkdir(env.HOME);
  const agentFile = `${folder}/agent-token`;
  await Deno.writeTextFile(agentFile, said.agent_token, { mode: 0o600 });
  return {
    service,
    env: {
      ...env,
      NANOSERVICES_URL: said.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: said.metadata.aws,
      TOKEN: said.token,
      EXPIRED: expired,
      AGENT_FILE: agentFile,
      CODER_TOKEN: said.coder_token,
      CODER_AGENT: said.coder_agent_token,
    },
  };
}

/** The part of the embedded service's JSON line that the demo needs. */
interface Said {
  url: string;
  token: string;
  agent_token: string;
  coder_token: string;
  coder_agent_token: string;
  metadata: { aws: string };
}

async function firstJsonLine(
  stream: ReadableStream<Uint8Array>,
): Promise<Said> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return JSON.parse(text);
}

/** Connects a provider on the consent page, as a user would. */
async function connect(provider: string, { env }: Stage): Promise<void> {
  const page = `${env.NANOSERVICES_URL}/external-auth/${provider}`;
  const html = await (await fetch(page)).text();
  const [, token = ""] = html.match(/name="form_token" value="([^"]+)"/) ?? [];
  const answer = await fetch(page, {
    method: "POST",
    body: new URLSearchParams({ form_token: token, choice: "connect" }),
  });
  const shown = await answer.text();
  if (!shown.includes("is connected</h1>")) throw new Error(shown);
}

/** Runs a step and prints it like a terminal; returns whether it worked as expected. */
async function perform(step: Step, stage: Stage): Promise<boolean> {
  const { exitCode = 0 } = step;
  const { env } = stage;
  print(`\n${styled(`# ${step.says}`, 2)}\n`);
  if (step.connects) await connect(step.connects, stage);
  print(`${styled(`$ ${step.command}`, 1)}\n`);
  const { code, output } = step.types === undefined
    ? await inPipe(step.command, env)
    : await atTerminal(step.command, env);
  print(output);
  if (exitCode !== 0) print(`${styled(`(exit code ${code})`, 2)}\n`);
  if (code === exitCode && step.shows.test(output)) return true;
  print(
    `\nThis is not what it should do: exit code ${exitCode}, and ${step.shows}\n`,
  );
  return false;
}

interface Outcome {
  code: number;
  output: string;
}

async function inPipe(
  command: string,
  env: Record<string, string>,
): Promise<Outcome> {
  const { code, stdout } = await new Deno.Command("sh", {
    args: ["-c", `{ ${command}\n} 2>&1`],
    clearEnv: true,
    env,
    stdin: "null",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) };
}

/** Types the token key by key, as a user would, and checks that it is never echoed. */
async function atTerminal(
  command: string,
  env: Record<string, string>,
): Promise<Outcome> {
  const terminal = PseudoTerminal.open(command, env);
  await terminal.waitFor("Token");
  for (const key of `${env.TOKEN}\r`) await terminal.type(key);
  const { code, output } = await terminal.end();
  return { code, output: settled(output) };
}

const REPAINT = "\x1b[G\x1b[0J";
// deno-lint-ignore no-control-regex
const CURSOR = /\x1b\[(\?25[hl]|\d*G)/g;

/** What stays on the screen: only the last state of a line that is redrawn. */
function settled(output: string): string {
  const lines = output.replaceAll("\r\n", "\n").split("\n");
  return lines.map((line) => line.split(REPAINT).at(-1) ?? "").join("\n")
    .replace(CURSOR, "");
}

async function main(): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl-demo-" });
  Deno.addSignalListener("SIGINT", () => {
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  });
  let stage: Stage | undefined;
  try {
    print(
      "nanoctl, shown on the embedded service in a temporary home.\n" +
        "$NANOSERVICES_URL names the service, $TOKEN holds a token of its user ada.\n" +
        "It also plays Coder, and the metadata service of an instance of AWS.\n",
    );
    stage = await setStage(folder);
    for (const step of STEPS) if (!await perform(step, stage)) return 1;
    print(
      `\n${STEPS.length} commands, each did what it should. Nothing of it stays.\n`,
    );
    return 0;
  } finally {
    stage?.service.kill("SIGTERM");
    await stage?.service.status;
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.exit(await main());
