import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { EXIT_CODES } from "../../src/errors.ts";
import { Authority } from "../support/certificates.ts";
import { KeyCommand } from "../support/key_command.ts";
import { HostileServer } from "../support/hostile_server.ts";
import {
  type Child,
  CREDENTIALS,
  Home,
  KEY,
  type Result,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import { commandTree, Markers } from "../support/redaction.ts";
import { ByteServer, deadUrl, me, StrangeServer } from "../support/servers.ts";
import { Service, type TokenWish } from "../support/service.ts";
import {
  DATA_FOLDER,
  edit,
  FakeHelper,
  itWith,
  LOCK,
  LockHolder,
  PATH,
  programs,
  someKey,
  writeCredentials,
} from "../support/store_files.ts";
import {
  deviceAnswer,
  refusal,
  ScriptedOAuth,
} from "../support/scripted_oauth.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

/** An answer of a hostile server. */
function ok(body: string, status = 200): string {
  return `HTTP/1.1 ${status} Said\r\nContent-Type: application/json\r\n` +
    `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Where the child of `exec` writes what it was given. */
const RECORD = "record";
const RECORDER = [
  "/bin/sh",
  "-c",
  `{ tr '\\0' '\\n' < /proc/$PPID/cmdline; echo "$0 $*"; } > ${RECORD}.argv; env > ${RECORD}.env`,
];
/** Where a test puts a secret itself: a file with the token. */
const TOKEN_FILE = "token";

const PLAIN: string[] = [];
const MODES = [PLAIN, ["--json", "--verbose"], ["--verbose"], ["--quiet"]];

/** The codes of errors that no run here ends with, and why: none, so far. */
const NOT_MET: Partial<Record<keyof typeof EXIT_CODES, string>> = {};

/** A secret in a stream or a file, and where it may be. */
interface Allowed {
  stdout?: string[];
  stderr?: string[];
}

/** One run of the program. */
interface Case {
  command: string[];
  env?: Record<string, string>;
  stdin?: string;
  home: Home;
  allowed?: Allowed | undefined;
}

const markers = new Markers();
const commandsRun = new Set<string>();
const codesMet = new Set<string>();
let leaks: string[] = [];

/** What each command is run with, where a token is all that it needs. */
function commandLines(): string[][] {
  return [
    ["login"],
    ["login", "--save"],
    ["whoami"],
    ["status", "--check"],
    ["doctor"],
    ["logout", "--revoke"],
    ["external-auth", "access-token", "github"],
    ["external-auth", "access-token", "github", "--extra", "user.session"],
    ["external-auth", "list"],
    ["credential", "git", "askpass", "Password for 'https://github.com': "],
    ["api", `/v1/me?access_token=${query}&page=2`],
    ["api", "--include", "/v1/me"],
    ["service", "test", "npm"],
  ];
}

/** Commands that ask no service. */
const OFFLINE = [
  ["status"],
  ["token"],
  ["token", "--format", "{username} {token}"],
  ["credential", "kubernetes"],
  ["exec", "--", ...RECORDER],
  ["use", "default"],
  ["store", "info"],
  ["credential", "docker", "list"],
  ["store", "key", "list", "--check"],
  ["store", "key", "add", "--key-source", "keyfile"],
  ["store", "key", "remove", "keyfile"],
  ["store", "rekey"],
  ["service", "add", "no-such-file"],
  ["service", "list"],
  ["service", "show", "npm"],
  ["service", "remove", "garden"],
  ["completions", "bash"],
  ["explain", "file_key"],
  ["logout"],
];

/** The places in which a secret has to be: what was asked for. */
function allowedOf(command: string[]): Allowed | undefined {
  if (command[0] === "token" || command[1] === "kubernetes") {
    return { stdout: ["token"] };
  }
  if (command[0] === "external-auth" && command[1] === "access-token") {
    return { stdout: ["access token", "provider's session"] };
  }
  if (command[0] === "credential") return { stdout: ["access token"] };
  // The body is what the service says.
  if (command[0] === "api") {
    return { stdout: ["token", "query secret", "cookie", "agent's session"] };
  }
  return undefined;
}

/** The command line with more options, which are not for the child of `exec`. */
function withOptions(command: string[], options: string[]): string[] {
  const end = command.indexOf("--");
  return end < 0
    ? [...command, ...options]
    : [...command.slice(0, end), ...options, ...command.slice(end)];
}

/** Where else the program could leave something: all of it below the home. */
function environment(home: Home): Record<string, string> {
  Deno.mkdirSync(home.at("tmp"), { recursive: true });
  return {
    PATH,
    TMPDIR: home.at("tmp"),
    XDG_CACHE_HOME: home.at("cache"),
    XDG_STATE_HOME: home.at("state"),
    DENO_DIR: home.at("deno"),
  };
}

/** Runs the program in these modes and looks at all that it says. */
async function look(one: Case, modes = MODES): Promise<Result[]> {
  const results: Result[] = [];
  for (const mode of modes) {
    const args = withOptions(one.command, mode);
    const result = await run(args, {
      home: one.home,
      cwd: one.home.path,
      env: { ...environment(one.home), ...one.env },
      ...(one.stdin === undefined ? {} : { stdin: one.stdin }),
    });
    results.push(result);
    note(args, result, one.allowed ?? allowedOf(one.command));
  }
  return results;
}

/** Notes what a run said, and every secret in it that may not be there. */
function note(args: string[], result: Result, allowed: Allowed = {}): void {
  for (const word of [1, 2, 3]) commandsRun.add(args.slice(0, word).join(" "));
  const code = /^\{"error":\{"code":"(\w+)"/m.exec(result.stderr)?.[1];
  if (code) codesMet.add(code);
  for (const stream of ["stdout", "stderr"] as const) {
    for (const name of markers.in(result[stream])) {
      if (allowed[stream]?.includes(name)) continue;
      leaks.push(
        `${markers.hide(args.join(" "))}: ${name} on ${stream}: ${
          markers.hide(result[stream].trim())
        }`,
      );
    }
  }
}

/** Notes every secret in a file that may not be there. */
function noteFiles(home: Home, what: string, except: string[] = []): void {
  for (
    const leak of markers.inFiles(home, [
      TOKEN_FILE,
      KEY,
      `${RECORD}.env`,
      ...except,
    ])
  ) leaks.push(`${what}: ${leak}`);
}

function assertNoLeaks(): void {
  const found = leaks;
  leaks = [];
  assertEquals(found, []);
}

/** Does it for each, several at a time. */
async function forAll<T>(
  items: readonly T[],
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const left = [...items.entries()];
  await Promise.all(Array.from({ length: 6 }, async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      await act(next[1], next[0]);
    }
  }));
}

/** A copy of a stored login, in a home of its own. */
function copyOf(home: Home): Home {
  const copy = new Home();
  for (const folder of [".config/nanoctl", ".local/share/nanoctl", "tmp"]) {
    Deno.mkdirSync(copy.at(folder), { recursive: true, mode: 0o700 });
  }
  for (const path of home.entries()) {
    if (path.endsWith("/")) continue;
    Deno.copyFileSync(home.at(path), copy.at(path));
  }
  return copy;
}

/** The ways in which a command gets its token; they take turns. */
function wayOf(
  index: number,
  home: Home,
  token: string,
): { options: string[]; env: Record<string, string> } {
  const file = home.at(TOKEN_FILE);
  Deno.writeTextFileSync(file, `${token}\n`);
  switch (index % 6) {
    case 0:
      return { options: ["--token", token], env: {} };
    case 1:
      return { options: ["--token-file", file], env: {} };
    case 2:
      return { options: [], env: { NANOSERVICES_TOKEN: token } };
    case 3:
      return { options: [], env: { NANOSERVICES_TOKEN_FILE: file } };
    case 4: {
      const command = `/bin/cat '${file}'`;
      return { options: [], env: { NANOSERVICES_TOKEN_COMMAND: command } };
    }
    default:
      return { options: [], env: {} };
  }
}

const query = markers.token("query secret").replace("nano_", "");

describe("no secret is where it does not belong", () => {
  let service: Service;
  let base: Home;
  let baseToken: { token: string; id: string };

  beforeAll(async () => {
    service = await Service.start();
    const body = JSON.stringify({
      connected: true,
      access_token: markers.token("access token"),
      extra: { user: { session: markers.token("provider's session") } },
    });
    const answer = await fetch(`${service.url}/dev/external-auth/github`, {
      method: "PATCH",
      body,
    });
    await answer.body?.cancel();
    assertEquals(answer.status, 200);
    ({ home: base } = await loggedIn());
    // Not the one that is stored there, which `logout --revoke` ends.
    baseToken = await service.mint();
    markers.add("token", baseToken.token);
  });
  afterAll(async () => {
    base[Symbol.dispose]();
    await service.stop();
  });

  /** A home with a stored login, and its token and key among the secrets. */
  async function loggedIn(): Promise<
    { home: Home; token: string; id: string }
  > {
    const home = new Home();
    const { token, id } = await service.mint();
    markers.add("token", token);
    await service.logIn(home, token);
    noteKey(home);
    return { home, token, id };
  }

  function noteKey(home: Home): void {
    for (const key of Deno.readTextFileSync(home.at(KEY)).trim().split("\n")) {
      markers.add("key", key);
    }
  }

  const STATES: [name: string, wish: TokenWish, code?: string][] = [
    ["valid", { state: "valid" }],
    ["expired", { state: "expired" }, "token_expired"],
    ["revoked", { state: "revoked" }, "token_revoked"],
    ["without scopes", { scopes: [] }, "insufficient_scope"],
    ["rate limited", { state: "rate_limited", retry_after: 99 }],
    ["met with a failure", { state: "failing" }, "service_error"],
    ["met with an answer that is no JSON", { state: "garbled" }],
    ["met with JSON of another shape", { state: "misshapen" }],
    ["met with silence", { state: "slow", delay: 60 }, "network_timeout"],
  ];
  for (const [name, wish] of STATES) {
    it(`with a token that is ${name}`, async () => {
      const commands = name === "valid"
        ? [...commandLines(), ...OFFLINE]
        : commandLines();
      await forAll(commands, async (command, index) => {
        const { home: used, token, id } = await loggedIn();
        using home = used;
        await service.change(id, wish);
        for (const [turn, mode] of MODES.entries()) {
          const way = wayOf(index + turn, home, token);
          await look({
            command: withOptions(command, [
              ...way.options,
              ...name === "met with silence" ? ["--timeout", "0.2"] : [],
            ]),
            env: { ...service.env, ...way.env },
            home,
            allowed: command[0] === "exec" ? {} : allowedOf(command),
          }, [mode]);
          if (command[0] === "exec" && name === "valid") {
            const argv = Deno.readTextFileSync(home.at(`${RECORD}.argv`));
            // What we were given ourselves by --token is ours.
            if (way.options[0] === "--token") {
              Deno.removeSync(home.at(`${RECORD}.argv`));
            } else assertEquals([...markers.in(argv)], []);
            const env = Deno.readTextFileSync(home.at(`${RECORD}.env`));
            assertEquals(markers.in(env).has("token"), true);
          }
        }
        noteFiles(home, command.join(" "));
      });
      assertNoLeaks();
    });
  }

  it("with a token that nobody knows, also where standard input has it", async () => {
    await forAll(commandLines(), async (command, index) => {
      using home = copyOf(base);
      const token = markers.token("token");
      const way = wayOf(index % 5, home, token);
      await look({
        command: withOptions(command, way.options),
        env: { ...service.env, ...way.env },
        home,
      });
      noteFiles(home, command.join(" "));
    });
    using home = copyOf(base);
    for (const args of [["--token-stdin"], ["--token-stdin", "--save"]]) {
      const stdin = markers.token("token");
      const env = service.env;
      await look({ command: ["login", ...args], stdin, env, home });
    }
    noteFiles(home, "login");
    assertNoLeaks();
  });

  it("that docker stores, whatever is wrong with it", async () => {
    using home = copyOf(base);
    const secret = markers.password("registry's secret");
    const login = (server: string, username: string): string =>
      JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
    const good = login("registry.example", "ada");
    const inputs = [
      good,
      good.slice(0, -1),
      `${good}${good}`,
      login("", "ada"),
      login("registry.example", ""),
      login(secret, "ada"),
      login("registry.example", secret),
    ];
    const command = (action: string): string[] => [
      "credential",
      "docker",
      action,
    ];
    for (const stdin of inputs) {
      await look({ command: command("store"), stdin, home });
    }
    noteFiles(home, "store");
    const stdin = "registry.example";
    const allowed = { stdout: ["registry's secret"] };
    const [got] = await look({ command: command("get"), stdin, home, allowed });
    assertEquals(JSON.parse(got?.stdout ?? "").Secret, secret);
    for (const action of ["list", "erase", "version", "other"]) {
      await look({ command: command(action), stdin, home });
    }
    edit(home, (file) => {
      file.key.id = "00".repeat(16);
    });
    await look({ command: command("get"), stdin, home });
    noteFiles(home, "get");
    assertNoLeaks();
  });

  describe("when the network fails:", () => {
    /** A place where it fails; what it needs is ended by the test. */
    interface Place {
      url: string;
      env?: Record<string, string>;
      options?: string[];
      end?: () => Promise<void>;
    }
    const password = markers.password("proxy's password");
    const credentials = `me:${encodeURIComponent(password)}`;
    const FAR = "https://nano.invalid";
    const PLACES: [name: string, make: () => Promise<Place>][] = [
      ["refused", () => Promise.resolve({ url: deadUrl() })],
      ["an unknown name", () => Promise.resolve({ url: FAR })],
      ["silence", () => {
        const server = new ByteServer(undefined);
        return Promise.resolve({
          url: server.url,
          options: ["--timeout", "0.2"],
          end: () => server[Symbol.asyncDispose](),
        });
      }],
      ["cut", () => {
        const server = new ByteServer("");
        const end = () => server[Symbol.asyncDispose]();
        return Promise.resolve({ url: server.url, end });
      }],
      ["no HTTP", () => {
        const server = new ByteServer("SSH-2.0-OpenSSH_9.2\r\n");
        const end = () => server[Symbol.asyncDispose]();
        return Promise.resolve({ url: server.url, end });
      }],
      ["a certificate that nobody trusts", async () => {
        const identity = await (await Authority.create()).issue();
        const server = new StrangeServer(() => me(), identity);
        const end = () => server[Symbol.asyncDispose]();
        return { url: server.url, end };
      }],
      ["a proxy that is not there", () => {
        const HTTPS_PROXY = deadUrl().replace("//", `//${credentials}@`);
        return Promise.resolve({ url: FAR, env: { HTTPS_PROXY } });
      }],
      ["a proxy that takes no such password", () => {
        const server = new ByteServer(
          "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        );
        const HTTPS_PROXY = server.url.replace("//", `//${credentials}@`);
        const end = () => server[Symbol.asyncDispose]();
        return Promise.resolve({ url: FAR, env: { HTTPS_PROXY }, end });
      }],
      ["a proxy's URL that is none", () => {
        const HTTPS_PROXY = `ftp://${credentials}@127.0.0.1:1`;
        return Promise.resolve({ url: FAR, env: { HTTPS_PROXY } });
      }],
    ];
    for (const [name, make] of PLACES) {
      it(name, async () => {
        const place = await make();
        try {
          await forAll(commandLines(), async (command, index) => {
            // `logout --revoke` ends the stored one.
            using home = (await loggedIn()).home;
            const token = markers.token("token");
            const way = wayOf(index % 5, home, token);
            await look({
              command: withOptions(command, [
                ...way.options,
                ...(place.options ?? []),
              ]),
              env: { NANOSERVICES_URL: place.url, ...place.env, ...way.env },
              home,
            });
            noteFiles(home, command.join(" "));
          });
        } finally {
          await place.end?.();
        }
        assertNoLeaks();
      });
    }
  });

  describe("when a hostile server repeats all that it was sent", () => {
    const cookie = markers.token("cookie");
    for (const status of [200, 400, 401, 403, 404, 429, 500]) {
      it(`in an answer with status ${status}`, async () => {
        await using server = new HostileServer(({ head, body }) => {
          const text = JSON.stringify({
            code: head,
            title: head,
            detail: `${head}\n${body}`,
            message: head,
            username: head,
          });
          return `HTTP/1.1 ${status} ${
            head.split("\r\n").at(-2)
          }\r\nContent-Type: application/problem+json\r\nRetry-After: 99\r\n` +
            `Set-Cookie: session=${cookie}\r\nConnection: close\r\n` +
            `Content-Length: ${text.length}\r\n\r\n${text}`;
        });
        await forAll(commandLines(), async (command, index) => {
          using home = copyOf(base);
          const way = wayOf(index % 5, home, markers.token("token"));
          await look({
            command: withOptions(command, way.options),
            env: { NANOSERVICES_URL: server.url, ...way.env },
            home,
          });
          noteFiles(home, command.join(" "));
        });
        assert(server.heard.length > 0);
        assertNoLeaks();
      });
    }

    it("or sends it on to another origin, which gets no token and no cookie", async () => {
      const seen: string[] = [];
      await using other = new StrangeServer(({ url, headers }) => {
        seen.push(`${url} ${JSON.stringify([...headers])}`);
        return new Response("no", { status: 401 });
      });
      await using server = new StrangeServer(() =>
        new Response(null, {
          status: 302,
          headers: {
            location: `${other.url}/`,
            "set-cookie": `session=${cookie}`,
          },
        })
      );
      await forAll(commandLines(), async (command, index) => {
        using home = copyOf(base);
        const way = wayOf(index % 5, home, markers.token("token"));
        await look({
          command: withOptions(command, way.options),
          env: { NANOSERVICES_URL: server.url, ...way.env },
          home,
        });
        noteFiles(home, command.join(" "));
      });
      assert(seen.length > 0);
      assertEquals([...markers.in(seen.join("\n"))], []);
      assertNoLeaks();
    });
  });

  describe("when the credential file can't be used:", () => {
    /** The secrets of a case, which go into the environment or into a file. */
    const passphrase = markers.password("passphrase");
    const helper = new FakeHelper();
    afterAll(() => helper[Symbol.dispose]());

    /** What is wrong with a copy of a stored login; gives the environment to run in. */
    type Break = (home: Home) => Record<string, string> | void;
    const changeKey = (home: Home): void =>
      Deno.writeTextFileSync(
        home.at(KEY),
        markers.add("key", someKey()) + "\n",
      );
    const BREAKS: [name: string, break_: Break][] = [
      ["cut off", (home) => {
        const text = Deno.readTextFileSync(home.at(CREDENTIALS));
        writeCredentials(home, text.slice(0, -20));
      }],
      ["no JSON", (home) => writeCredentials(home, "token: none\n")],
      ["edited", (home) =>
        edit(home, ({ profiles }) => {
          for (const entry of Object.values(profiles)) {
            entry.account.username = "mallory";
          }
        })],
      ["another key", changeKey],
      ["no key", (home) => Deno.removeSync(home.at(KEY))],
      ["a key that is none", (home) => {
        Deno.writeTextFileSync(home.at(KEY), markers.token("key"));
      }],
      ["open to others", (home) => Deno.chmodSync(home.at(CREDENTIALS), 0o644)],
      ["a key that is open to others", (home) => {
        Deno.chmodSync(home.at(KEY), 0o644);
      }],
      ["a file in place of its folder", () => ({
        NANOCTL_CONFIG_DIR: "/dev/null/x",
      })],
      ["a folder in place of its lock", (home) => {
        Deno.removeSync(home.at(LOCK));
        Deno.mkdirSync(home.at(LOCK));
      }],
      ["a link to a file of the system's in place of its lock", (home) => {
        Deno.removeSync(home.at(LOCK));
        Deno.symlinkSync("/proc/version", home.at(LOCK));
      }],
    ];
    const fresh: [name: string, env: () => Record<string, string>][] = [
      ["a wrong passphrase", () => ({
        NANOCTL_PASSPHRASE: markers.password("passphrase"),
      })],
      ["an environment with no passphrase", () => ({})],
    ];
    const commands = (): [command: string[], stdin?: string][] => [
      [["whoami"]],
      [["token"]],
      [["status"]],
      [["login", "--token-stdin", "--save"], markers.token("token")],
      [["login", "--token-stdin", "--save", "--force"], baseToken.token],
      [["use", "default"]],
      [["exec", "--", ...RECORDER]],
      [["store", "info"]],
      [["store", "key", "list", "--check"]],
      [["store", "rekey"]],
      [["logout"]],
      [["logout", "--force"]],
    ];

    /** Runs every command on a copy that is broken anew each time. */
    async function everyCommand(
      stored: Home,
      break_: Break,
      except: string[] = [],
      chosen = commands(),
    ): Promise<void> {
      await forAll(chosen, async ([command, stdin]) => {
        for (const mode of MODES) {
          using home = copyOf(stored);
          const env = break_(home) ?? {};
          await look({
            command,
            env: { ...service.env, ...env },
            home,
            ...(stdin === undefined ? {} : { stdin }),
          }, [mode]);
          noteFiles(home, command.join(" "), except);
        }
      });
      assertNoLeaks();
    }

    for (const [name, break_] of BREAKS) {
      it(name, async () => {
        await everyCommand(base, break_);
      });
    }

    for (const [name, env] of fresh) {
      it(name, async () => {
        using home = new Home();
        const right = { ...service.env, NANOCTL_PASSPHRASE: passphrase };
        await logInWith(home, right);
        const few: [string[], string?][] = [
          [["token"]],
          [["login", "--token-stdin", "--save"], baseToken.token],
        ];
        await everyCommand(home, env, [], few);
      });
    }

    it("a key in the environment that is another one or none", async () => {
      using home = new Home();
      const right = markers.add("key", someKey());
      await logInWith(home, { NANOCTL_ENCRYPTION_KEY: right });
      for (
        const NANOCTL_ENCRYPTION_KEY of [
          markers.add("key", someKey()),
          markers.token("key"),
        ]
      ) await everyCommand(home, () => ({ NANOCTL_ENCRYPTION_KEY }));
    });

    for (
      const mode of [
        "",
        "fails",
        "echoes",
        "tells",
        "garbage",
        "shapeless",
        "missing",
        "other",
        "short",
      ]
    ) {
      it(`a helper that ${mode || "works"}`, async () => {
        using home = new Home();
        const env = { ...helper.env };
        await logInWith(home, env, "--key-source", "helper:fake");
        for (const key of helper.keys) markers.add("key", key);
        const few: [string[], string?][] = [
          [["token"]],
          [["login", "--token-stdin", "--save"], baseToken.token],
          [["store", "rekey"]],
          [["logout"]],
        ];
        await everyCommand(
          home,
          () => ({
            ...env,
            FAKE_MODE: mode,
            NANOSERVICES_AGENT_TOKEN: markers.token("agent token"),
            NANOCTL_PASSPHRASE: passphrase,
          }),
          [],
          few,
        );
        for (const key of helper.keys) markers.add("key", key);
        assertEquals([...markers.in(helper.calls.join("\n"))], []);
        assertEquals([...markers.in(helper.environment)], []);
      });
    }

    const PRINTED: [what: string, script: string][] = [
      ["fails", 'cat "$1"; exit 1'],
      ["is killed", 'cat "$1"; kill -KILL $$'],
      ["prints it twice", 'cat "$1" "$1"'],
      [
        "prints it in JSON that is no token",
        'echo "{\\"x\\":\\"$(cat "$1")\\"}"',
      ],
      ["prints half of its JSON", 'echo "{\\"token\\":\\"$(cat "$1")"'],
      [
        "prints it as its end",
        'echo "{\\"token\\":\\"x\\",\\"expires_at\\":\\"$(cat "$1")\\"}"',
      ],
      ["prints it again and again", 'while cat "$1"; do :; done'],
    ];
    for (const [what, script] of PRINTED) {
      it(`of a program that prints the token and ${what}`, async () => {
        using home = copyOf(base);
        const file = home.at(TOKEN_FILE);
        Deno.writeTextFileSync(file, `${markers.token("token")}\n`);
        const line = JSON.stringify(["/bin/sh", "-c", script, "sh", file]);
        const env = { ...service.env, NANOSERVICES_TOKEN_COMMAND: line, PATH };
        const commands = [
          ...[["token"], ["whoami"], ["status", "--check"], ["doctor"]],
          ...[["login", "--save"], ["api", "/v1/me"], ["exec", "--", "true"]],
        ];
        await forAll(
          commands,
          async (command) => {
            await look({ command, env, home, allowed: {} });
          },
        );
        Deno.removeSync(file);
        noteFiles(home, what);
        assertNoLeaks();
      });
    }

    for (const mode of ["", "fails", "empty", "garbage", "other", "echoes"]) {
      it(`a key command that ${mode || "works"}, beside other keys`, async () => {
        using command = new KeyCommand();
        using home = new Home();
        const own = {
          NANOCTL_ENCRYPTION_KEY: markers.add("key", someKey()),
          NANOCTL_NEW_ENCRYPTION_KEY: markers.add("key", someKey()),
          NANOSERVICES_AGENT_TOKEN: markers.token("agent token"),
        };
        const secret = markers.password("argument of a key command");
        const source = `command:${JSON.stringify([command.path, secret])}`;
        await logInWith(home, {}, "--key-source", source);
        // Only this machine keeps the command line.
        const commands = `${DATA_FOLDER}/key-commands.json`;
        const few: [string[], string?][] = [
          [["token"]],
          [["store", "key", "list", "--check"]],
          [["store", "key", "add", "--key-source", "environment"]],
          [["store", "key", "add", "--name", "b", "--key-source", source]],
          [["store", "rekey"]],
          [["store", "rekey", "--key-source", source]],
          [["store", "key", "remove", "command"]],
          [["doctor"]],
        ];
        await everyCommand(
          home,
          () => ({ ...own, KEY_MODE: mode }),
          [commands],
          few,
        );
        assertEquals([...markers.in(command.environment)], []);
      });
    }

    itWith([programs("flock")], "locked by another process", async () => {
      using home = copyOf(base);
      await using _holder = await LockHolder.hold(home.at(LOCK));
      await Promise.all(
        [["use", "default"], ["logout"], ["token"]].flatMap((command) =>
          MODES.map((mode) => look({ command, env: service.env, home }, [mode]))
        ),
      );
      noteFiles(home, "locked");
      assertNoLeaks();
    });

    async function logInWith(
      home: Home,
      env: Record<string, string>,
      ...args: string[]
    ): Promise<void> {
      const command = ["login", "--token-stdin", "--save", ...args];
      const [result] = await look({
        command,
        env: { ...service.env, ...env },
        stdin: baseToken.token,
        home,
      }, [PLAIN]);
      assertEquals(result?.code, 0, result?.stderr);
    }
  });

  describe("when it was put in the wrong place:", () => {
    it("as an argument, in an option that there is not, or in its name", async () => {
      const commands = await commandTree();
      await forAll(commands, async ({ words }) => {
        using home = copyOf(base);
        const secret = markers.token("token");
        const rest = words[0] === "exec" ? ["--", "true"] : [];
        for (
          const wrong of [
            [secret],
            [secret, secret],
            ["--tokne", secret],
            [`--tokne=${secret}`],
            [`--${secret}`],
            [`--json=${secret}`],
            [`-x${secret}`],
          ]
        ) {
          await look({
            command: [...words, ...wrong, ...rest],
            env: service.env,
            home,
            allowed: { stderr: [] },
          });
        }
        noteFiles(home, words.join(" "));
      });
      using home = copyOf(base);
      const secret = markers.token("token");
      for (const command of [[secret], [`--token${secret}`], ["--", secret]]) {
        await look({ command, home });
      }
      assertNoLeaks();
    });

    it("as the value of another option", async () => {
      const right = ["--token", "--agent-token"];
      await forAll(await commandTree(), async ({ words, valueOptions }) => {
        using home = copyOf(base);
        const secret = markers.token("token");
        const before: Record<string, string[]> = {
          api: ["/v1/me"],
          use: ["default"],
          completions: ["bash"],
          exec: ["--", "true"],
        };
        const rest = words[1] === "access-token"
          ? ["github"]
          : before[words[0] ?? ""] ?? [];
        for (const option of valueOptions) {
          if (right.includes(option)) continue;
          const isPort = words[0] === "dev-server" &&
            !["--port", "--host", "--metadata", "--timeout"].includes(option);
          if (isPort) continue;
          await look({
            command: [...words, option, secret, ...rest],
            env: { ...service.env, NANOSERVICES_TOKEN: baseToken.token },
            home,
            ...(words[0] === "token" ? { allowed: { stdout: ["token"] } } : {}),
          });
        }
        noteFiles(home, words.join(" "));
      });
      assertNoLeaks();
    });

    it("in a URL, a header or a field", async () => {
      using home = copyOf(base);
      const secret = markers.token("token");
      const env = { NANOSERVICES_TOKEN: baseToken.token, ...service.env };
      const at = service.url.replace("//", `//${secret}@`);
      const behind = service.url.replace("//", `//me:${secret}@`);
      for (
        const command of [
          ["whoami", "--url", at],
          ["whoami", "--url", behind],
          ["whoami", "--url", `${service.url}/?token=${secret}`],
          ["whoami", "--url", `${service.url}/#${secret}`],
          ["external-auth", "list", "--agent-url", behind],
          ["api", `${behind}/v1/me`],
          ["api", "-H", `Authorization: Bearer ${secret}`, "/v1/me"],
          ["api", "-H", secret, "/v1/me"],
          ["api", "-f", secret, "/v1/me"],
          ["api", "-X", secret, "/v1/me"],
          ["external-auth", "access-token", secret],
          ["external-auth", "access-token", "github", "--extra", secret],
          ["exec", "--", secret],
          ["exec", "--", `./${secret}`],
        ]
      ) await look({ command, env, home, allowed: {} });
      noteFiles(home, "URLs");
      assertNoLeaks();
    });

    it("in another variable", async () => {
      using home = copyOf(base);
      const secret = markers.token("token");
      const password = markers.password("proxy's password");
      const far = { NANOSERVICES_URL: "https://nano.invalid" };
      const variables: Record<string, string>[] = [
        { NANOSERVICES_URL: secret },
        { NANOSERVICES_URL: service.url.replace("//", `//me:${secret}@`) },
        { NANOCTL_PROFILE: secret },
        { NANOCTL_CA_FILE: secret },
        { NANOSERVICES_TOKEN_FILE: secret },
        { NANOSERVICES_TOKEN_COMMAND: secret },
        { NANOSERVICES_TOKEN_COMMAND: `['${secret}` },
        { NANOSERVICES_AGENT_AUTH: secret },
        { NANOSERVICES_AGENT_URL: secret },
        { NANOSERVICES_AGENT_TOKEN_FILE: secret },
        { HTTPS_PROXY: secret, ...far },
        { HTTPS_PROXY: `me:${encodeURIComponent(password)}@[`, ...far },
        { ALL_PROXY: `http://me:${password}@127.0.0.1:1`, ...far },
        {
          NANOSERVICES_AGENT_AUTH: "google-instance-identity",
          GCE_METADATA_HOST: `me:${secret}@127.0.0.1:1`,
        },
        {
          NANOSERVICES_AGENT_AUTH: "aws-instance-identity",
          AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://me:${secret}@127.0.0.1:1`,
        },
      ];
      await forAll(variables, async (env) => {
        for (const command of [["whoami"], ["api", "/v1/me"], ["status"]]) {
          await look({
            command,
            env: { ...service.env, ...env },
            home,
            allowed: {},
          });
        }
      });
      noteFiles(home, "variables");
      assertNoLeaks();
    });
  });

  describe("of an agent", () => {
    const jwt = (): string =>
      ["identity header", "identity", "signature"].map((text) =>
        markers.token(text).replace("_", "")
      ).join(".");
    for (const status of [200, 401, 500]) {
      it(`whose session is answered with ${status}`, async () => {
        const proof = jwt();
        const session = markers.token("agent's session");
        await using server = new HostileServer(({ target, head, body }) => {
          if (target.startsWith("/computeMetadata/")) return ok(proof);
          if (target.startsWith("/v1/agents/")) {
            return status === 500
              ? ok(JSON.stringify({ detail: body, code: body }), 401)
              : ok(
                JSON.stringify({ session_token: session, expires_at: null }),
              );
          }
          return ok(
            JSON.stringify({ detail: head, code: "token_revoked" }),
            status,
          );
        });
        const ways: Record<string, string>[] = [
          {
            NANOSERVICES_AGENT_AUTH: "google-instance-identity",
            GCE_METADATA_HOST: new URL(server.url).host,
          },
          { NANOSERVICES_AGENT_TOKEN: markers.token("token") },
          { CODER_AGENT_TOKEN: markers.token("token") },
        ];
        const commands = [
          ["external-auth", "list"],
          ["external-auth", "access-token", "github"],
          ["api", "/v1/me"],
        ];
        await forAll(ways, async (env) => {
          using home = new Home();
          for (const command of commands) {
            await look({
              command,
              env: { NANOSERVICES_URL: server.url, ...env },
              home,
            });
          }
          noteFiles(home, "agent");
        });
        assert(server.heard.length > 0);
        assertNoLeaks();
      });
    }
  });

  describe("on a terminal", () => {
    /** Notes all that a terminal showed. */
    function noteScreen(what: string, terminal: Terminal): void {
      const stderr = terminal.transcript;
      note([what], { code: 0, stdout: "", stderr });
    }

    it("when a token is refused three times", async () => {
      using home = new Home();
      const terminal = new Terminal(["login", "--verbose"], {
        home,
        env: service.env,
      });
      for (const behind of ["make a token at", "(2 left)", "(1 left)"]) {
        await terminal.waitFor("Token", behind);
        await terminal.type(markers.token("token") + KEYS.enter);
      }
      assertEquals((await terminal.end()).code, 4);
      noteScreen("login", terminal);
      noteFiles(home, "login");
      assertNoLeaks();
    });

    for (
      const [what, end, code] of [
        ["it is right", KEYS.enter, 0],
        ["it is given up half-way", KEYS.ctrlC, 130],
      ] as const
    ) {
      it(`when ${what}`, async () => {
        using home = new Home();
        const terminal = new Terminal(["login", "--verbose"], {
          home,
          env: service.env,
        });
        await terminal.waitFor("Token", "make a token at");
        await terminal.type(baseToken.token + end);
        assertEquals((await terminal.end()).code, code);
        if (code === 0) noteKey(home);
        noteScreen("login", terminal);
        noteFiles(home, "login");
        assertNoLeaks();
      });
    }

    it("when a passphrase is not the same the second time", async () => {
      using home = copyOf(base);
      const secret = markers.token("passphrase");
      const terminal = new Terminal(
        ["store", "rekey", "--key-source", "passphrase"],
        { home, env: service.env },
      );
      await terminal.waitFor("assphrase");
      await terminal.type(secret + KEYS.enter);
      await terminal.waitFor("again");
      await terminal.type(`${secret}x${KEYS.enter}`);
      assert((await terminal.end()).code !== 0);
      noteScreen("store rekey", terminal);
      noteFiles(home, "store rekey");
      assertNoLeaks();
    });
  });

  it("when it is interrupted", async () => {
    const asking = commandLines().filter(([name]) => name !== "logout");
    await forAll(asking, async (command, index) => {
      await using silent = new HostileServer(() => new Promise(() => {}));
      using home = copyOf(base);
      const token = markers.token("token");
      const way = wayOf(index % 5, home, token);
      const args = withOptions(command, [
        "--json",
        "--verbose",
        ...way.options,
      ]);
      const child: Child = start(args, {
        home,
        env: {
          ...environment(home),
          NANOSERVICES_URL: silent.url,
          ...way.env,
        },
      });
      await until(() => silent.heard.length > 0, "the request");
      child.kill("SIGINT");
      const result = await child.end();
      assertEquals(result.code, 130, result.stderr);
      note(args, result);
      noteFiles(home, command.join(" "));
    });
    assertNoLeaks();
  });

  it("of those that the embedded service sees, and it keeps no file", async () => {
    using home = new Home();
    const server = start(["dev-server", "--port", "0", "--verbose", "--json"], {
      home,
      env: environment(home),
    });
    server.keepRunning();
    commandsRun.add("dev-server");
    const { url, token } = JSON.parse(await server.firstLine);
    markers.add("own token", token);
    const cookie = markers.token("cookie");
    for (const presented of [token, markers.token("token")]) {
      const answer = await fetch(`${url}/v1/me?access_token=${query}`, {
        headers: { authorization: `Bearer ${presented}`, cookie },
      });
      await answer.body?.cancel();
    }
    const log = await (await fetch(`${url}/dev/requests`)).text();
    const tokens = await (await fetch(`${url}/dev/tokens`)).text();
    assertEquals([...markers.in(log + tokens)], []);
    server.kill("SIGINT");
    const result = await server.end();
    note(["dev-server"], result, { stdout: ["own token"] });
    assertEquals(home.entries(), ["tmp/"]);
    assertNoLeaks();
  });

  it("by errors of one command alone", async () => {
    using home = copyOf(base);
    Deno.writeTextFileSync(home.at("script"), "no program");
    const env = { ...service.env, NANOSERVICES_TOKEN: baseToken.token };
    const provider = ["external-auth", "access-token"];
    for (
      const command of [
        [...provider, "slack"],
        [...provider, "nobody"],
        [...provider, "github", "--extra", "no.such"],
        ["exec", "--", "./script"],
        ["exec", "--", "./missing"],
      ]
    ) await look({ command, env, home });
    noteFiles(home, "errors of one command alone");
    assertNoLeaks();
  });

  it("of an OAuth server, which repeats each in its errors", async () => {
    const secrets = {
      device: markers.token("device code"),
      access: markers.token("access token"),
      refresh: markers.token("refresh token"),
      client: markers.token("client secret"),
    };
    const all = Object.values(secrets).join(" ");
    await using server = new ScriptedOAuth();
    server.scripts.device = () => ({
      body: { ...deviceAnswer(server.issuer), device_code: secrets.device },
    });
    const issued = {
      body: {
        access_token: secrets.access,
        refresh_token: secrets.refresh,
        token_type: "Bearer",
        // To be renewed at once.
        expires_in: 0,
      },
    };
    using home = new Home();
    using logged = new Home();
    Deno.writeTextFileSync(home.at(TOKEN_FILE), secrets.client);
    const login = ["login", "--issuer", server.issuer, "--device"];
    const machine = [
      ...["login", "--issuer", server.issuer, "--client-credentials"],
      ...["--client-id", "robot", "--client-secret-file", home.at(TOKEN_FILE)],
    ];
    for (
      const error of ["access_denied", "expired_token", "invalid_client", "x"]
    ) {
      server.scripts.token = () => refusal(error, all);
      await look({ command: login, home });
      await look({ command: machine, home });
    }
    server.scripts.token = () => issued;
    await look({ command: machine, home });
    noteFiles(home, "login --device");
    await look({ command: login, home: logged }, [["--json", "--verbose"]]);
    noteKey(logged);
    for (const error of ["invalid_grant", "x"]) {
      server.scripts.token = () => refusal(error, all);
      await look({ command: ["whoami"], home: logged });
      await look({ command: ["token"], home: logged });
    }
    server.scripts.token = () => issued;
    server.scripts.userinfo = () => ({ status: 401, body: { error: all } });
    await look({ command: ["whoami"], home: logged });
    server.scripts.revoke = () => refusal("invalid_request", all);
    await look({ command: ["logout", "--revoke"], home: logged });
    noteFiles(logged, "a login that renews itself");
    assertNoLeaks();
  });

  it("in any command: none was left out", async () => {
    const commands = await commandTree();
    const missing = commands.map(({ words }) => words.join(" "))
      .filter((name) => !commandsRun.has(name));
    assertEquals(missing, []);
  });

  it("with any error: each code was met, or it is said why not", () => {
    const missing = Object.keys(EXIT_CODES).filter((code) =>
      !codesMet.has(code) && !Object.hasOwn(NOT_MET, code)
    );
    assertEquals(missing, []);
    const met = Object.keys(NOT_MET).filter((code) => codesMet.has(code));
    assertEquals(met, []);
  });
});
