import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import {
  isCliffyError,
  readByCliffy,
} from "../../../src/cli/command_line/cliffy_tree.ts";
import { parse, type Runnable } from "../../../src/cli/command_line/parse.ts";
import { longName } from "../../../src/cli/command_line/spec.ts";
import { Secret } from "../../../src/secret.ts";
import { CredentialStore } from "../../../src/store/credential_store.ts";
import {
  FakeContext,
  json,
  TemporaryHome,
} from "../../support/fake_context.ts";
import { anyText } from "../inputs.ts";
import { MARK, ranSafely } from "../properties.ts";
import { target } from "../target.ts";

const COMMANDS = [
  "login",
  "logout",
  "whoami",
  "status",
  "token",
  "external-auth",
  "access-token",
  "list",
  "api",
  "exec",
  "use",
  "store",
  "info",
  "rekey",
  "dev-server",
];
const OPTIONS = [
  ..."url service profile token token-file json quiet verbose timeout ca-file"
    .split(" "),
  ..."insecure-http token-stdin save key-source force revoke all check extra"
    .split(" "),
  ..."method field input header include env port host metadata agent-token"
    .split(" "),
  ..."agent-token-file agent-url auth help version no-json".split(" "),
].map((name) => `--${name}`)
  .concat("-t", "-q", "-v", "-h", "-V", "-X", "-f", "-H", "-i", "-", "--");
const VALUES = [
  "https://api.example",
  "http://127.0.0.1:9",
  "default",
  "other",
  "nanoservices",
  "coder",
  "/nonexistent/file",
  "keyfile",
  "environment",
  "helper:none-such",
  "aws-instance-identity",
  "google",
  "github",
  "a.b",
  "a=b",
  "name:value",
  "/v1/me",
  "1",
  "-1",
  "30",
  "1e9",
  "GET",
];

/** Where a token belongs. Anywhere else it would be a name, which errors repeat. */
const TOKENS: string[][] = [
  ["--token", MARK],
  ["--agent-token", MARK],
  [`--token=${MARK}`],
  [`--agent-token=${MARK}`],
  [`-t${MARK}`],
  ["-t", `"${MARK}"`],
  ["-t", `${MARK}\n${MARK}`],
  ["-H", `authorization: Bearer ${MARK}`],
];

const word: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...COMMANDS) },
  { weight: 8, arbitrary: fc.constantFrom(...OPTIONS) },
  { weight: 8, arbitrary: fc.constantFrom(...VALUES) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom(...OPTIONS),
      fc.oneof(anyText, fc.constantFrom(...VALUES)),
    ).map((parts) => parts.join("=")),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...OPTIONS), fc.nat(8))
      .map(([option, length]) => option.slice(0, length)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("-t", "-f", "-X", "-qv"), anyText)
      .map((parts) => parts.join("")),
  },
  { weight: 2, arbitrary: anyText },
);

const words: fc.Arbitrary<string[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: word.map((one) => [one]) },
    { weight: 1, arbitrary: fc.constantFrom(...TOKENS) },
  ),
  { maxLength: 7 },
).map((parts) => parts.flat());

/** Command lines that work, to be changed a little. */
const GOOD: string[][] = [
  "whoami --json",
  "login --save",
  "login --token-stdin --key-source keyfile",
  "logout --revoke --all",
  "status --check",
  "token --profile other",
  "external-auth access-token github --extra a.b",
  "external-auth list --json",
  "api /v1/me -f a=b -X POST -i",
  "api /v1/me --agent-url https://api.example --auth token",
  "use other",
  "store info",
  "store rekey --key-source keyfile",
  "dev-server --port 0 --metadata aws",
].map((line) => line.split(" "));

const nearlyGood: fc.Arbitrary<string[]> = fc.tuple(
  fc.constantFrom(...GOOD),
  fc.array(
    fc.tuple(
      fc.nat(9),
      fc.nat(1),
      fc.oneof(word.map((one) => [one]), fc.constantFrom(...TOKENS)),
    ),
    { maxLength: 2 },
  ),
).map(([line, changes]) =>
  // In groups, so that no option is taken from its token.
  changes.reduce(
    (groups, [at, remove, insert]) => groups.toSpliced(at, remove, insert),
    line.map((one) => [one]),
  ).flat()
);

const argv: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 5, arbitrary: nearlyGood },
  { weight: 1, arbitrary: words },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(...COMMANDS), words)
      .map(([command, rest]) => [command, ...rest]),
  },
);

/** What every service of the test answers: something of each that is asked for. */
const answer = json({
  username: "ada",
  email: null,
  token: { id: "t", name: "n", expires_at: null, scopes: [] },
  access_token: "given",
  token_type: "Bearer",
  expires_at: null,
  extra: { a: { b: 1 } },
  providers: [],
  session_token: "session",
});

/** A home in which two profiles are logged in. */
async function loggedIn(home: TemporaryHome): Promise<void> {
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  for (const profile of ["other", "default"]) {
    await store.save({
      profile,
      service: "nanoservices",
      url: `https://${profile}.example`,
      username: "ada",
      expiresAt: undefined,
      token: new Secret(`${MARK}_stored_${profile}`),
    });
  }
}

/** A command line, and the variables that it finds. */
type Input = { args: string[]; env: [name: string, value: string][] };

const env: fc.Arbitrary<Input["env"]> = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constantFrom(
        "NANOSERVICES_URL",
        "NANOSERVICES_TOKEN_FILE",
        "NANOCTL_PROFILE",
        "NANOCTL_CA_FILE",
        "NANOCTL_ENCRYPTION_KEY",
        "NANOSERVICES_AGENT_URL",
        "NANOSERVICES_AGENT_AUTH",
        "CODER_AGENT_URL",
        "CODER_AGENT_TOKEN_FILE",
        "NO_COLOR",
      ),
      fc.oneof(anyText, fc.constantFrom(...VALUES)),
    ),
    fc.tuple(
      fc.constantFrom(
        "NANOSERVICES_TOKEN",
        "NANOSERVICES_AGENT_TOKEN",
        "CODER_AGENT_TOKEN",
        "NANOCTL_ENCRYPTION_KEY",
        "NANOCTL_NEW_ENCRYPTION_KEY",
      ),
      fc.oneof(
        fc.constant(MARK),
        fc.tuple(anyText, anyText).map((parts) => parts.join(MARK)),
      ),
    ),
  ),
  { maxLength: 3 },
);

/** Any command line: it works or says what is wrong with it, and no token that was put anywhere is said. */
export const argvs = target<Input>({
  name: "argv",
  inputs: fc.record({ args: argv, env }),
  open: async () => {
    const home = await TemporaryHome.make();
    await loggedIn(home);
    const file = join(home.env.NANOCTL_CONFIG_DIR, "credentials.json");
    const good = await Deno.readTextFile(file);
    const key = join(home.env.XDG_DATA_HOME, "nanoctl/key");
    const goodKey = await Deno.readTextFile(key);
    return {
      check: async ({ args: given, env }) => {
        await Deno.writeTextFile(file, good, { mode: 0o600 });
        await Deno.writeTextFile(key, goodKey, { mode: 0o600 });
        const args = withoutChild(given);
        const context = new FakeContext({
          // So that a metadata service is never a real one.
          env: {
            ...Object.fromEntries(env),
            ...home.env,
            ...METADATA_NOWHERE,
          },
          answer,
        });
        const serves = args.includes("dev-server");
        const timer = serves && setTimeout(() => context.interrupt(), 5);
        try {
          await ranSafely(args, context);
        } finally {
          if (timer) clearTimeout(timer);
          if (serves) context.interrupt();
        }
      },
      close: () => home[Symbol.asyncDispose](),
    };
  },
});

const METADATA_NOWHERE = {
  AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:9",
  AZURE_METADATA_ENDPOINT: "http://127.0.0.1:9",
  GCE_METADATA_HOST: "127.0.0.1:9",
};

/** Without the program that `exec` would run: that is any program of this machine. */
function withoutChild(args: string[]): string[] {
  const end = args.indexOf("--");
  return end >= 0 && args.includes("exec") ? args.slice(0, end + 1) : args;
}

/** The parse reads a line as Cliffy does, or both refuse it. */
export const parses = target<string[]>({
  name: "parse",
  inputs: argv,
  open: () =>
    Promise.resolve({
      check: async (args) => {
        const line = await parse(args);
        if (line.wants !== "run" && line.wants !== "explanation") return;
        const { name, options, args: own } = line.wants === "run"
          ? line
          : { name: line.name, options: {}, args: line.args };
        const words = line.wants === "run" ? plainWords(line) : own;
        try {
          const reading = await readByCliffy({
            name,
            args: words,
            problem: line.wants === "explanation" ? line.problem : undefined,
          });
          assertEquals(reading, { name, options, args: own });
        } catch (error) {
          if (line.wants === "run" || !isCliffyError(error)) throw error;
        }
      },
    }),
});

/** A line that was read, in the words that all versions of Cliffy read. */
function plainWords({ name, command, options, args }: Runnable): string[] {
  const given = Object.entries(options).flatMap(([property, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((one) =>
      one === true ? [longName(property)] : [longName(property), String(one)]
    )
  );
  return command.takesCommand
    ? [...name.split(" "), ...given, "--", ...args]
    : [...name.split(" "), ...args, ...given];
}
