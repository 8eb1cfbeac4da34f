import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";

const ROOT = fromFileUrl(import.meta.resolve("../"));

/** One source file: its path below the root, with slashes, and its text without comments. */
interface SourceFile {
  path: string;
  code: string;
  /** How many lines it has, comments included. */
  lines: number;
}

/** A rule of the house: gives a line for each place that breaks it. */
type Rule = (files: SourceFile[]) => string[];

const BASE = [
  "errors",
  "grant",
  "json",
  "process",
  "read_at_most",
  "secret",
  "text_encoding",
  "version",
];

/**
 * What each part may import of the others. A part is a folder of src/, or a
 * file that stands in src/ itself. All of it points one way: main, cli, tokens,
 * services, http, and what everybody uses; the store stands beside http.
 */
const MAY_IMPORT: Record<string, string[]> = {
  main: ["cli", "process", "program", "store"],
  worker: ["cli", "program"],
  program: ["cli", "process", "store"],
  cli: ["tokens", "services", "http", "store", "dev_server", "tools", ...BASE],
  tokens: ["services", "http", "store", ...BASE],
  services: ["http", ...BASE],
  http: BASE,
  store: BASE,
  dev_server: ["http", ...BASE],
  tools: ["errors", "json", "secret"],
  process: ["errors", "secret", "version"],
  errors: [],
  grant: ["secret"],
  json: [],
  read_at_most: ["process"],
  secret: [],
  text_encoding: ["errors"],
  version: [],
};

/** What is outside of the program, and how code reads it. */
const OUTSIDE: Record<
  "environment" | "clock" | "terminal" | "name",
  RegExp[]
> = {
  environment: [
    /\b(Deno|process)\s*(\?\.|\.|\[\s*["'`])\s*env\b/g,
    /\{[^{}]*\benv\b[^{}]*\}\s*=\s*(Deno|process)\b/g,
  ],
  clock: [
    /\b(Date|performance)\s*(\?\.|\.)\s*now\b/g,
    /\bnew\s+Date\b\s*(\(\s*\)|(?!\s*\())/g,
    /\bTemporal\s*\.\s*Now\b/g,
  ],
  terminal: [
    /\bDeno\s*(\?\.|\.|\[\s*["'`])\s*(std(in|out|err)|consoleSize)\b/g,
    /\{[^{}]*\bstd(in|out|err)\b[^{}]*\}\s*=\s*(Deno|process)\b/g,
    /["']node:(process|tty|readline)\b/g,
  ],
  // What the program was called by.
  name: [/\bargv0\b/g],
};

/** Who reads it by itself, and not by way of the Context. */
const MAY_READ: Record<string, (keyof typeof OUTSIDE)[]> = {
  // Make the Context.
  "src/process/system_context.ts": ["environment", "clock", "terminal"],
  "src/process/streams.ts": ["terminal"],
  "src/process/variables.ts": ["environment"],
  // Hands it to the fast path, which runs before there is a Context.
  "main.ts": ["environment", "clock", "terminal"],
  // Finds out which permissions to drop, before there is a Context.
  "src/program.ts": ["environment", "clock"],
  // Looks whether docker calls us, which parse has to know.
  "src/cli/command_line/called_by_tools.ts": ["name"],
  // Is what the Context asks a person by.
  "src/cli/prompts.ts": ["terminal"],
  // Takes the system's clock where it is given none.
  "src/dev_server/server.ts": ["clock"],
  // Takes a variable from the runtime.
  "src/dev_server/listen.ts": ["environment"],
};

/** What differs by system. */
const SYSTEM = "src/process/system/";

const RULES: Record<string, Rule> = {
  "only a few files read the environment, the clock, the terminal or our name":
    (files) =>
      files.flatMap(({ path, code }) =>
        (Object.keys(OUTSIDE) as (keyof typeof OUTSIDE)[])
          .filter((what) => !MAY_READ[path]?.includes(what))
          .flatMap((what) => matches(path, code, ...OUTSIDE[what]))
      ),

  "only src/http/sender.ts calls fetch": (files) =>
    files.flatMap(({ path, code }) =>
      path === "src/http/sender.ts" ? [] : matches(
        path,
        code,
        /(?<![\w$])fetch\s*(\?\.\s*)?\(/g,
        /(?<![\w$])fetch\s*(\?\.|\.)\s*(call|apply|bind)\b/g,
        /[=(,]\s*fetch\s*[;,)]/g,
      )
    ),

  "only src/process/system_context.ts names the global fetch, to hand it over":
    (files) =>
      files.flatMap(({ path, code }) =>
        matches(
          path,
          path === "src/process/system_context.ts"
            ? code.replace(/\n {4}fetch: globalThis\.fetch,\n/, "\n")
            : code,
          /(globalThis|self|window)\s*(\?\.|\.|\[\s*["'`])\s*fetch\b/g,
        )
      ),

  "only src/process/system/ knows one system from another": (files) =>
    files.flatMap(({ path, code }) =>
      path.startsWith(SYSTEM) ? [] : matches(
        path,
        code,
        /\bDeno\s*(\?\.|\.|\[\s*["'`])\s*build\b(?!\s*\.\s*(arch|target)\b)/g,
        /\{[^{}]*\bbuild\b[^{}]*\}\s*=\s*Deno\b/g,
        /\b(process|navigator)\s*(\?\.|\.)\s*platform\b/g,
        /["'`](windows|win32|darwin|macos)["'`]/g,
        /\b(LOCAL)?APPDATA\b|\bUSERPROFILE\b|\bPATHEXT\b/g,
        /\b(add|remove)SignalListener\s*\(\s*["'`]SIG(?!INT\b)/g,
        /\bcbreak\b/g,
      )
    ),

  "a system imports nothing but systems": (files) =>
    everyImport(files)
      .filter(({ from, target }) =>
        from.startsWith(SYSTEM) && !target?.startsWith(SYSTEM)
      )
      .map(shown),

  "@cliffy/command is imported by src/cli/command_line/cliffy_tree.ts only": (
    files,
  ) =>
    everyImport(files)
      .filter(({ from, specifier, target }) =>
        target === undefined && /cliffy/i.test(specifier) &&
        !/cliffy[/-]prompt/i.test(specifier) &&
        from !== "src/cli/command_line/cliffy_tree.ts"
      )
      .map(shown),

  "no package is loaded before permissions are dropped": (files) =>
    loadedFirst(files).flatMap((from) =>
      everyImport(files).filter((found) =>
        found.from === from && found.isStatic && found.target === undefined
      )
    ).map(shown),

  // The bundler joins the others, and then all of them would be loaded along.
  "a command's file loads only what the program loads, and helpers of src/cli/":
    (files) => {
      const early = new Set(loadedFirst(files, (path) => !isCommand(path)));
      return everyImport(files).filter(({ from, target, isStatic }) =>
        isCommand(from) && isStatic && target !== undefined &&
        !early.has(target) && !isCommand(target) &&
        !/^src\/cli\/[a-z_]+\.ts$/.test(target)
      ).map(shown);
    },

  "@cliffy/prompt is imported by src/cli/prompts.ts only": (files) =>
    everyImport(files)
      .filter(({ from, specifier }) =>
        /cliffy[/-]prompt/i.test(specifier) && from !== "src/cli/prompts.ts"
      )
      .map(shown),

  "imports point one way": (files) =>
    everyImport(files)
      .filter(({ from, target }) => {
        if (target === undefined) return false;
        const [importer, imported] = [partOf(from), partOf(target)];
        return importer !== imported &&
          !MAY_IMPORT[importer]?.includes(imported);
      })
      .map(shown),

  "no file imports itself by way of others": (files) => {
    const imports = everyImport(files);
    const targets = new Map(files.map(({ path }) => [
      path,
      imports.flatMap(({ from, target = "" }) => from === path ? [target] : []),
    ]));
    const reachedFrom = (path: string): Set<string> => {
      const reached = new Set(targets.get(path));
      // A set goes on to what is added while it is walked.
      for (const next of reached) {
        for (const target of targets.get(next) ?? []) reached.add(target);
      }
      return reached;
    };
    // Of a circle the first by name.
    return files.map(({ path }) => path).filter((path) => {
      const reached = reachedFrom(path);
      return reached.has(path) &&
        [...reached].every((other) =>
          other >= path || !reachedFrom(other).has(path)
        );
    });
  },

  "no file has more than 300 lines": (files) =>
    files.filter(({ lines }) => lines > 300).map(({ path }) => path),

  "every part has its place": (files) =>
    files.map(({ path }) => path)
      .filter((path) => !Object.hasOwn(MAY_IMPORT, partOf(path))),

  "only src/cli/commands/dev_server.ts imports the embedded service": (files) =>
    everyImport(files)
      .filter(({ from, target }) =>
        target !== undefined && partOf(target) === "dev_server" &&
        partOf(from) !== "dev_server" &&
        from !== "src/cli/commands/dev_server.ts"
      )
      .map(shown),

  "what is imported can be read off the source": (files) =>
    files.flatMap(({ path, code }) =>
      matches(path, code, /\bimport\s*\((?!\s*["'][^"']+["']\s*[,)])/g)
    ),

  "only src/cli/session/session.ts makes an authenticated client": (files) =>
    files.flatMap(({ path, code }) =>
      ["src/cli/session/session.ts", "src/http/client.ts"].includes(path)
        ? []
        : matches(path, code, /\bwithTokens\b/g)
    ),

  "clients are made by the session and the exchange of an identity only": (
    files,
  ) =>
    files.flatMap(({ path, code }) =>
      path === "src/http/client.ts" || path === "src/cli/session/session.ts" ||
        path.startsWith("src/tokens/instance_identity/")
        ? []
        : matches(
          path,
          code,
          /\bnew\s+HttpClient\b/g,
          /\bimport\s*\{[^}]*(?<!\btype\s+)\bHttpClient\b[^}]*\}/g,
          /\*\s*as\s+\w+\s+from\s*["'][^"']*\bclient\.ts["']/g,
          /\bimport\s*\(\s*["'][^"']*\bclient\.ts["']/g,
        )
    ),

  "a command with the options of an agent gets its session by them": (files) =>
    files.flatMap(({ path, code }) => {
      const declares = /\btakesAgent: true,/.test(code);
      const opens =
        /(?<!function )\b(openAgentOrPersonSession|agentOrPersonHolder|loginForHost)\s*\(/
          .test(code);
      // Gets the options handed on.
      const isHelper = [
        "src/cli/host_login.ts",
        "src/cli/session/agent_session.ts",
      ].includes(path);
      if (declares !== opens && !isHelper) {
        return [
          `${path}: ${
            declares ? "openAgentOrPersonSession" : "the options"
          } misses`,
        ];
      }
      return declares ? matches(path, code, /\bopen(Person)?Session\b/g) : [];
    }),

  "only src/tokens/agent.ts and openAgentOrPersonSession look at the options of an agent":
    (files) =>
      files.flatMap(({ path, code }) =>
        ["src/tokens/agent.ts", "src/cli/session/agent_session.ts"].includes(
            path,
          ) ||
          // Its own agents' tokens bear the same name.
          /\bdev_server\b/.test(path)
          ? []
          : matches(
            path,
            code,
            /\boptions\s*(\?\.|\.)\s*agent(Token|TokenFile|Url)\b/g,
            /\{[^{}]*\bagent(Token|TokenFile|Url)\b[^{}]*\}\s*=\s*options\b/g,
          )
      ),

  "only src/cli/output.ts may use the console": (files) =>
    files.flatMap(({ path, code }) =>
      path === "src/cli/output.ts" ? [] : matches(
        path,
        code,
        /(?<![\w$])console\s*(\?\.|\.\s*\w|\[)/g,
        /=\s*((globalThis|self|window)\.)?console\b/g,
      )
    ),
};

interface Import {
  from: string;
  specifier: string;
  /** Whether it is loaded along with the file. */
  isStatic: boolean;
  /** The path of the file that is meant, where it is one of ours. */
  target: string | undefined;
}

/** Named imports that are all types: the compiler leaves them out. */
const ONLY_TYPES = /^(?:import|export)\s*\{(?:\s*type\s+\w+\s*,?)+\s*\}/;

/** Static imports, re-exports, dynamic imports and imported types alike. */
function everyImport(files: SourceFile[]): Import[] {
  const forms: [form: RegExp, isStatic: boolean][] = [
    [
      /\b(?:import|export)\b(?!\s+type\b)[\s\w$*{},]*?\bfrom\s*["']([^"']+)["']/g,
      true,
    ],
    [
      /\b(?:import|export)\s+type\b[\s\w$*{},]*?\bfrom\s*["']([^"']+)["']/g,
      false,
    ],
    [/\bimport\s*["']([^"']+)["']/g, true],
    [/\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g, false],
  ];
  return files.flatMap(({ path, code }) =>
    forms.flatMap(([form, isStatic]) =>
      [...code.matchAll(form)].map(([text, specifier = ""]) => ({
        from: path,
        specifier,
        isStatic: isStatic && !ONLY_TYPES.test(text),
        target: resolved(path, specifier),
      }))
    )
  );
}

/** What a start has loaded when it drops permissions: main.ts, the program, and a command's file, each with what it imports. */
function loadedFirst(
  files: SourceFile[],
  isStart: (path: string) => boolean = () => true,
): string[] {
  const imports = everyImport(files).filter(({ isStatic }) => isStatic);
  const found = new Set(
    files.map(({ path }) => path).filter((path) =>
      isStart(path) &&
      (path === "main.ts" || path === "src/program.ts" || isCommand(path))
    ),
  );
  // A set goes on to what is added while it is walked.
  for (const path of found) {
    for (const { from, target } of imports) {
      if (from === path && target !== undefined) found.add(target);
    }
  }
  return [...found];
}

function isCommand(path: string): boolean {
  return path.startsWith("src/cli/commands/");
}

function resolved(from: string, specifier: string): string | undefined {
  if (!/^(\.{0,2}\/|file:)/.test(specifier)) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** The part that a file belongs to: `cli` for src/cli/run.ts, `errors` for src/errors.ts. */
function partOf(path: string): string {
  const [first = "", second = first] = path.split("/");
  return (first === "src" ? second : first).replace(/\.ts$/, "");
}

function shown({ from, specifier }: Import): string {
  return `${from} imports ${specifier}`;
}

function matches(path: string, code: string, ...forms: RegExp[]): string[] {
  return forms.flatMap((form) =>
    [...code.matchAll(form)].map(([text]) => `${path}: ${text.trim()}`)
  );
}

/** main.ts and everything in src/. */
function readSources(): SourceFile[] {
  return ["main.ts", ...below(ROOT, "src")].map((path) =>
    sourceFile(path, Deno.readTextFileSync(join(ROOT, path)))
  );
}

function sourceFile(path: string, text: string): SourceFile {
  const lines = text.trimEnd().split("\n").length;
  return { path, lines, code: withoutComments(text) };
}

function below(root: string, folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? below(root, path) : [path];
  }).filter((path) => path.endsWith(".ts"));
}

/**
 * The code alone. It takes only comments that stand at the beginning of their
 * line: nothing after code can then hide more code from the rules.
 */
function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, "")
    .replace(/^[ \t]*\/\/.*$/gm, "");
}

const SOURCES = readSources();

describe("the house", () => {
  const files = SOURCES;

  it("is what the rules look at", () => {
    const paths = files.map(({ path }) => path);
    for (const path of ["main.ts", "src/errors.ts", "src/http/client.ts"]) {
      assert(paths.includes(path), path);
    }
    assert(
      everyImport(files).some(({ target }) => target === "src/cli/run.ts"),
    );
  });

  for (const [name, rule] of Object.entries(RULES)) {
    it(`keeps the rule: ${name}`, () => assertEquals(rule(files), []));
  }
});

/** How to break each rule: the file, and what is added to it. */
const BREAKS: Record<string, [path: string, code: string][]> = {
  "only a few files read the environment, the clock, the terminal or our name":
    [
      ["src/cli/commands/login.ts", 'const home = Deno.env.get("HOME");'],
      ["src/store/paths.ts", "const { env } = Deno;"],
      ["src/store/paths.ts", 'const env = Deno["env"];'],
      ["src/http/proxy/proxy_server.ts", "const all = process.env;"],
      ["src/cli/prompts.ts", 'const term = Deno.env.get("TERM");'],
      ["src/cli/expiry.ts", "const now = new Date();"],
      ["src/cli/expiry.ts", "const now = new Date;"],
      ["src/http/retry.ts", "const began = performance.now();"],
      ["src/cli/run.ts", "const now = Date.now();"],
      ["src/cli/commands/token.ts", "Deno.stdout.writeSync(bytes);"],
      ["src/dev_server/server.ts", "const wide = Deno.stdin.isTerminal();"],
      ["src/cli/output.ts", "const { columns } = Deno.consoleSize();"],
      ["src/program.ts", "const name = globalThis.process.argv0;"],
      ["src/cli/output.ts", "const { stdout, args } = Deno;"],
      ["src/store/file_lock.ts", 'import { stdin } from "node:process";'],
    ],
  "only src/http/sender.ts calls fetch": [
    ["src/services/nanoservices.ts", 'await fetch("https://a.example");'],
    ["src/http/retry.ts", "await context.fetch(url);"],
    ["src/http/body.ts", "await this.#context.fetch\n  (url);"],
    ["src/tokens/file.ts", "const send = fetch;"],
    ["src/tokens/fixed.ts", "const send = fetch.bind(null);"],
    ["src/cli/commands/login.ts", "send(fetch);"],
    ["src/cli/commands/login.ts", "context.fetch?.(url);"],
    ["src/cli/commands/login.ts", "/* a remark */ fetch(url);"],
    ["src/cli/commands/login.ts", "const a = 1; // a remark\nfetch(url);"],
    ["main.ts", 'const url = "https://a.example"; fetch(url);'],
  ],
  "only src/process/system_context.ts names the global fetch, to hand it over":
    [
      ["src/http/retry.ts", "const send = globalThis.fetch;"],
      ["src/http/client.ts", "const send = globalThis.fetch;"],
      ["src/cli/commands/login.ts", 'const send = globalThis["fetch"];'],
      ["src/process/system_context.ts", "const send = globalThis.fetch;"],
      [
        "src/process/system_context.ts",
        "const again = {\n    fetch: globalThis.fetch,\n};",
      ],
    ],
  "only src/process/system/ knows one system from another": [
    ["src/store/paths.ts", 'const isWindows = Deno.build.os === "linux";'],
    ["src/store/paths.ts", "const { build } = Deno;"],
    ["src/cli/expiry.ts", "const name = process.platform;"],
    ["src/cli/commands/exec.ts", 'if (context.os === "darwin") return;'],
    ["src/http/retry.ts", "const isWindows = os === `windows`;"],
    ["src/tokens/file.ts", 'const folder = env.get("LOCALAPPDATA");'],
    ["src/cli/prompts.ts", 'Deno.addSignalListener("SIGHUP", end);'],
    ["src/cli/prompts.ts", "stdin.setRaw(true, { cbreak: true });"],
  ],
  "a system imports nothing but systems": [
    ["src/process/system/unix.ts", 'import "../variables.ts";'],
    ["src/process/system/windows.ts", 'await import("@std/path");'],
  ],
  "a command's file loads only what the program loads, and helpers of src/cli/":
    [
      [
        "src/cli/commands/whoami.ts",
        'import { findProgram } from "../../process/program_path.ts";',
      ],
      [
        "src/cli/commands/api.ts",
        'import { resolveTarget } from "../session/target.ts";',
      ],
    ],
  "no package is loaded before permissions are dropped": [
    ["main.ts", 'import { join } from "@std/path";'],
    ["src/cli/commands/whoami.ts", 'import * as v from "valibot";'],
    ["src/cli/command_line/table.ts", 'export { v } from "npm:valibot";'],
    ["src/cli/output.ts", 'import "hono";'],
    ["src/store/paths.ts", 'import {\n  join,\n} from "jsr:@std/path";'],
  ],
  "@cliffy/command is imported by src/cli/command_line/cliffy_tree.ts only": [
    ["src/cli/run.ts", 'import { Command } from "@cliffy/command";'],
    ["src/cli/output.ts", 'import { Table } from "@cliffy/table";'],
    ["src/tokens/file.ts", 'import type { Command } from "@cliffy/command";'],
    ["src/errors.ts", 'export { Command } from "jsr:@cliffy/command@1";'],
    ["main.ts", 'const { Command } = await import("@cliffy/command");'],
    ["src/store/paths.ts", 'import "npm:@jsr/cliffy__command";'],
  ],
  "@cliffy/prompt is imported by src/cli/prompts.ts only": [
    [
      "src/cli/commands/login.ts",
      'import { Secret } from "@cliffy/prompt/secret";',
    ],
    [
      "src/cli/command_line/cliffy_tree.ts",
      'const a = await import("@cliffy/prompt");',
    ],
    ["src/process/context.ts", 'import type { Secret } from "@cliffy/prompt";'],
  ],
  "imports point one way": [
    ["src/errors.ts", 'import { Secret } from "./secret.ts";'],
    ["src/secret.ts", 'import type { Context } from "./process/context.ts";'],
    ["src/process/context.ts", 'import { Output } from "../cli/output.ts";'],
    [
      "src/process/permissions.ts",
      'import { below } from "../store/paths.ts";',
    ],
    ["src/http/retry.ts", 'import "../services/service.ts";'],
    ["src/http/retry.ts", 'import "../store/paths.ts";'],
    ["src/http/retry.ts", 'import { Output } from "../output.ts";'],
    [
      "src/store/paths.ts",
      'import { isLoopback } from "../http/service_url.ts";',
    ],
    ["src/store/paths.ts", 'import type { A } from "../tokens/resolve.ts";'],
    ["src/store/paths.ts", 'import { Output } from "../output.ts";'],
    ["src/services/answer.ts", 'await import("../tokens/resolve.ts");'],
    ["src/services/answer.ts", 'import "../store/paths.ts";'],
    ["src/services/answer.ts", 'import "../output.ts";'],
    ["src/tokens/file.ts", 'export * from "../cli/options.ts";'],
    ["src/tokens/file.ts", 'type A = import("../cli/options.ts").A;'],
    ["src/tokens/file.ts", 'import { table } from "../output.ts";'],
    ["src/dev_server/state.ts", 'import "../tokens/file.ts";'],
    ["src/dev_server/state.ts", 'import "../cli/dates.ts";'],
    ["src/cli/commands/login.ts", 'import "../../../main.ts";'],
    ["main.ts", 'import { Secret } from "./src/secret.ts";'],
    [
      "src/http/retry.ts",
      "import {\n  a,\n  type B,\n} from\n  '../services/service.ts';",
    ],
  ],
  "no file imports itself by way of others": [
    ["src/errors.ts", 'import type { A } from "./errors.ts";'],
    [
      "src/http/tls/certificate_expiry.ts",
      'await import("./certificates.ts");',
    ],
  ],
  "no file has more than 300 lines": [
    ["src/errors.ts", "// a line\n".repeat(300)],
  ],
  "every part has its place": [
    ["src/utils/strings.ts", "export const a = 1;"],
    ["src/helpers.ts", "export const a = 1;"],
  ],
  "only src/cli/commands/dev_server.ts imports the embedded service": [
    [
      "src/cli/commands/login.ts",
      'await import("../../dev_server/server.ts");',
    ],
    ["src/services/service.ts", 'import "../dev_server/state.ts";'],
    ["main.ts", 'import type { A } from "./src/dev_server/server.ts";'],
  ],
  "what is imported can be read off the source": [
    ["src/cli/command_line/cliffy_tree.ts", "await import(name);"],
    ["src/cli/command_line/cliffy_tree.ts", "await import(`./${name}.ts`);"],
    ["src/cli/command_line/cliffy_tree.ts", 'await import("./" + name);'],
    ["src/cli/command_line/cliffy_tree.ts", "await import(\n  name,\n);"],
  ],
  "only src/cli/session/session.ts makes an authenticated client": [
    ["src/cli/commands/whoami.ts", "session.client.withTokens(provider);"],
    ["src/cli/commands/api.ts", "const { withTokens } = client;"],
    ["src/services/coder.ts", "client?.withTokens\n  (provider);"],
    ["src/tokens/instance_identity/exchange.ts", "client.withTokens(it);"],
  ],
  "clients are made by the session and the exchange of an identity only": [
    [
      "src/cli/commands/whoami.ts",
      "const client = new HttpClient({ context });",
    ],
    [
      "src/cli/session/agent_session.ts",
      "new\n  HttpClient(options, provider);",
    ],
    [
      "src/services/coder.ts",
      'import { HttpClient } from "../http/client.ts";',
    ],
    [
      "src/cli/commands/api.ts",
      'import { HttpClient as C } from "../http/client.ts";',
    ],
    [
      "src/cli/commands/api.ts",
      'import {\n  type A,\n  HttpClient,\n} from "./x.ts";',
    ],
    ["src/cli/commands/api.ts", 'import * as http from "../http/client.ts";'],
    [
      "src/cli/commands/api.ts",
      'const http = await import("../http/client.ts");',
    ],
  ],
  "a command with the options of an agent gets its session by them": [
    ["src/cli/commands/whoami.ts", "const a = { takesAgent: true, };"],
    [
      "src/cli/commands/whoami.ts",
      "await openAgentOrPersonSession(context, options, output);",
    ],
    [
      "src/cli/commands/api.ts",
      "await openPersonSession(context, options, output);",
    ],
    ["src/cli/commands/api.ts", "const open = openSession;"],
    [
      "src/cli/commands/new_command.ts",
      "export const a = { takesAgent: true, };",
    ],
  ],
  "only src/tokens/agent.ts and openAgentOrPersonSession look at the options of an agent":
    [
      ["src/cli/commands/api.ts", "const token = options.agentToken;"],
      [
        "src/cli/commands/external_auth/list.ts",
        "const { agentUrl } = options;",
      ],
    ],
  "only src/cli/output.ts may use the console": [
    ["src/cli/commands/login.ts", 'console.log("a");'],
    ["src/http/client.ts", "globalThis.console.error(1);"],
    ["src/store/paths.ts", 'console["warn"](1);'],
    ["src/cli/commands/login.ts", "const { log } = console;"],
    ["main.ts", "console?.debug(1);"],
  ],
};

/** What looks like a break and is none. */
const HARMLESS: [path: string, code: string][] = [
  [
    "src/cli/commands/login.ts",
    "const { env, stdout } = context; context.now();",
  ],
  [
    "src/cli/commands/login.ts",
    "const then = new Date(text); Date.parse(text);",
  ],
  [
    "src/cli/commands/login.ts",
    '// await fetch(url); console.log(1); import("x" + y);',
  ],
  [
    "src/cli/commands/login.ts",
    '/**\n * import "../../main.ts";\n * fetch(url);\n */',
  ],
  ["src/cli/commands/login.ts", "type Send = typeof fetch;"],
  ["src/cli/commands/login.ts", "prefetch(url); refetch(url); fetchAll(url);"],
  ["src/cli/commands/login.ts", 'say("look at the console.");'],
  [
    "src/cli/commands/login.ts",
    'const page = import.meta.resolve("./page.html");',
  ],
  ["src/tokens/file.ts", 'import { paths } from "../store/paths.ts";'],
  ["src/version.ts", "const text = [Deno.build.target, Deno.build.arch];"],
  ["src/process/context.ts", 'import type { Secret } from "../secret.ts";'],
  [
    "src/cli/commands/api.ts",
    'import type { HttpClient } from "../http/client.ts";',
  ],
  [
    "src/cli/commands/api.ts",
    'import { type HttpClient } from "../http/client.ts";',
  ],
];

/** The sources, with this code added to one of the files. */
function changed(path: string, code: string): SourceFile[] {
  const files = SOURCES.filter((file) => file.path !== path);
  const text = files.length === SOURCES.length
    ? ""
    : Deno.readTextFileSync(join(ROOT, path));
  return [...files, sourceFile(path, `${text}\n${code}\n`)];
}

describe("a rule of the house", () => {
  for (const [name, rule] of Object.entries(RULES)) {
    const breaks = BREAKS[name] ?? [];

    it(`can be broken: ${name}`, () => assert(breaks.length > 0));

    for (const [path, code] of breaks) {
      it(`sees ${JSON.stringify(code)} in ${path}: ${name}`, () => {
        const seen = rule(changed(path, code));
        assert(seen.length > 0, "the rule did not see it");
        assertEquals(seen.filter((line) => !line.startsWith(path)), []);
      });
    }
  }

  for (const [path, code] of HARMLESS) {
    it(`does not mind ${JSON.stringify(code)} in ${path}`, () => {
      const files = changed(path, code);
      assertEquals(Object.values(RULES).flatMap((rule) => rule(files)), []);
    });
  }
});

describe("the tests", () => {
  /** The one that knows where the real metadata services are, and sends nothing. */
  const CONSTANTS = "tests/tokens/instance_identity/metadata_test.ts";
  const REAL = /169\.254\.|metadata\.google\.internal|fd00:ec[2]:/;
  const naming = (root: string): string[] =>
    below(root, "tests").filter((path) =>
      REAL.test(Deno.readTextFileSync(join(root, path)))
    );

  it("name no real metadata service, apart from the one of the defaults", () => {
    assertEquals(naming(ROOT), [CONSTANTS]);
  });

  it("could not name one unseen", async () => {
    const root = await Deno.makeTempDir({ prefix: "nanoctl_architecture" });
    try {
      await Deno.mkdir(join(root, "tests"));
      const address = ["169", "254", "169", "254"].join(".");
      const name = ["metadata", "google", "internal"].join(".");
      for (const [index, host] of [address, name].entries()) {
        await Deno.writeTextFile(
          join(root, `tests/${index}.ts`),
          `fetch("http://${host}/");`,
        );
      }
      assertEquals(naming(root).sort(), ["tests/0.ts", "tests/1.ts"]);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
});
