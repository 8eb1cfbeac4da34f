import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { BINARY, Child, Home } from "../support/nanoctl.ts";
import { commandTree } from "../support/redaction.ts";
import { Service } from "../support/service.ts";
import { itWith, PATH, programs } from "../support/store_files.ts";
import { descriptionBytes } from "../support/descriptions.ts";

/** A file in a home that describes the embedded service. */
const DESCRIPTION = "garden.json";

/** Calls that make, change or remove something at a path. */
const CHANGES =
  /^(creat|mkdir|mkdirat|mknod|mknodat|rename|renameat|renameat2|link|linkat|symlink|symlinkat|unlink|unlinkat|rmdir|truncate|chmod|fchmodat|fchmodat2|chown|lchown|fchownat|utime|utimes|utimensat|setxattr|lsetxattr|removexattr|lremovexattr|mount)$/;
const OPENS = /^(open|openat|openat2)$/;
const WRITES = /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/;
/** Devices that keep nothing. */
const DEVICES = ["/dev/null", "/dev/tty"];

/**
 * The paths that a run changed or opened for writing, whether or not it could,
 * as strace(1) sees it: whatever the program's own code says.
 */
async function pathsWritten(
  args: string[],
  home: Home,
  env: Record<string, string>,
  stdin?: string,
): Promise<string[]> {
  const folder = Deno.makeTempDirSync({ prefix: "nanoctl-strace-" });
  const log = `${folder}/log`;
  try {
    const child = new Child("strace", [
      "--follow-forks",
      "--trace=%file",
      "--string-limit=4096",
      `--output=${log}`,
      BINARY,
      ...args,
    ], {
      home,
      cwd: home.path,
      env: { PATH, TMPDIR: home.at("tmp"), ...env },
      ...(stdin === undefined ? {} : { stdin }),
    });
    if (args[0] === "dev-server") {
      await child.firstLine;
      const traced = Deno.readTextFileSync(
        `/proc/${child.pid}/task/${child.pid}/children`,
      ).trim();
      Deno.kill(Number(traced.split(" ")[0]), "SIGINT");
    }
    const { code, stderr } = await child.end();
    assert([0, 130].includes(code), `${args.join(" ")}: ${stderr}`);
    return written(Deno.readTextFileSync(log), home.path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The absolute paths in a trace that something was done to. */
function written(trace: string, cwd: string): string[] {
  const calls = [
    ...trace.matchAll(/^\d+ +(?:<\.\.\. )?(\w+)\((.*)$/gm),
  ];
  assert(calls.length > 10, "strace saw nothing");
  const paths = calls.flatMap(([, name = "", args = ""]) => {
    const isChange = CHANGES.test(name) ||
      OPENS.test(name) && WRITES.test(args);
    if (!isChange) return [];
    const strings = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)];
    return strings.map(([, path = ""]) =>
      new URL(path, `file://${cwd}/`).pathname
    );
  });
  return [...new Set(paths)].filter((path) => !DEVICES.includes(path)).sort();
}

/** What there has to be for the commands of services. */
async function describeIn(home: Home, args: string[]): Promise<void> {
  const bytes = descriptionBytes({
    present: [{ header: "authorization", value: "Bearer {token}" }],
    account: [{ path: "/v1/me", username: [{ field: "username" }] }],
  });
  Deno.writeFileSync(home.at(DESCRIPTION), bytes);
  if (args[1] !== "remove") return;
  const add = ["service", "add", DESCRIPTION];
  const { code } = await new Child(BINARY, add, { home, cwd: home.path }).end();
  assertEquals(code, 0);
}

describe("seen by strace, what is written to", () => {
  let service: Service;
  const covered = new Set<string>();

  beforeAll(async () => {
    service = await Service.start();
    const body = JSON.stringify({ connected: true });
    const path = "/dev/external-auth/github";
    await (await fetch(service.url + path, { method: "PATCH", body })).text();
  });
  afterAll(() => service.stop());

  /** What has to be there before `store key remove`. */
  const ADD = ["store", "key", "add", "--key-source", "environment"];
  const KEY = { NANOCTL_ENCRYPTION_KEY: new Uint8Array(32).toBase64() };
  const RUNS: {
    args: string[];
    stdin?: true | string;
    store?: boolean;
    before?: string[];
  }[] = [
    { args: ["login", "--token-stdin"], stdin: true },
    { args: ["login", "--token-stdin", "--save"], stdin: true, store: true },
    { args: ["whoami"] },
    { args: ["whoami", "--verbose", "--json"] },
    { args: ["token", "--token-command", "/bin/echo nano_printed"] },
    { args: ["status"] },
    { args: ["status", "--check"] },
    { args: ["doctor"] },
    { args: ["token"] },
    { args: ["credential", "kubernetes"] },
    { args: ["external-auth", "access-token", "github"] },
    { args: ["external-auth", "list"] },
    {
      args: [
        "credential",
        "git",
        "askpass",
        "Password for 'https://github.com': ",
      ],
    },
    { args: ["credential", "docker", "list"] },
    {
      args: ["credential", "docker", "get"],
      stdin: "https://github.com",
    },
    {
      args: ["credential", "docker", "store"],
      stdin: '{"ServerURL":"ghcr.io","Username":"ada","Secret":"x"}',
      store: true,
    },
    { args: ["api", "/v1/me"] },
    { args: ["exec", "--", "true"] },
    { args: ["use", "default"], store: true },
    { args: ["store", "info"] },
    { args: ["store", "rekey"], store: true },
    { args: ADD, store: true },
    { args: ["store", "key", "list", "--check"], before: ADD },
    {
      args: ["store", "key", "remove", "environment"],
      store: true,
      before: ADD,
    },
    { args: ["logout"], store: true },
    { args: ["service", "list"] },
    { args: ["service", "show", "npm"] },
    { args: ["service", "add", DESCRIPTION], store: true },
    { args: ["service", "remove", "garden"], store: true },
    { args: ["service", "test", DESCRIPTION] },
    { args: ["completions", "bash"] },
    { args: ["explain", "file_key"] },
    { args: ["__complete"] },
    { args: ["dev-server", "--port", "0"].concat("--json") },
  ];
  for (const { args, stdin, store, before } of RUNS) {
    for (const word of [1, 2, 3]) covered.add(args.slice(0, word).join(" "));
    itWith(
      [programs("strace")],
      store
        ? `by ${args.join(" ")} is below the config and the data folder`
        : `by ${args.join(" ")} is nothing at all`,
      async () => {
        using home = new Home();
        const { token } = await service.mint();
        await service.logIn(home, token);
        if (before) await service.run(before, home, KEY);
        if (args[0] === "service") await describeIn(home, args);
        const paths = await pathsWritten(
          args,
          home,
          { ...service.env, ...KEY },
          stdin === true ? token : stdin,
        );
        const folders = [
          home.at(".config/nanoctl"),
          home.at(".local/share/nanoctl"),
        ];
        const outside = paths.filter((path) =>
          !folders.some((folder) =>
            path === folder || path.startsWith(`${folder}/`)
          )
        );
        assertEquals(outside, []);
        assertEquals(paths.length > 0, store ?? false, paths.join());
      },
    );
  }

  itWith(
    [programs("strace")],
    "by a first login are these folders and what has to be made above them",
    async () => {
      using home = new Home();
      const paths = await pathsWritten(
        ["login", "--token-stdin", "--save"],
        home,
        service.env,
        (await service.mint()).token,
      );
      const outside = paths.filter((path) =>
        !path.startsWith(home.at(".config")) &&
        !path.startsWith(home.at(".local"))
      );
      assertEquals(outside, []);
    },
  );

  it("by every command: none was left out", async () => {
    const missing = (await commandTree()).map(({ words }) => words.join(" "))
      .filter((name) => !covered.has(name));
    assertEquals(missing, []);
  });

  it("is told from what is read", () => {
    const trace = [
      '1 openat(AT_FDCWD, "/a/read", O_RDONLY|O_CLOEXEC) = 3',
      '1 openat(AT_FDCWD, "/a/written", O_WRONLY|O_CREAT, 0600 <unfinished ...>',
      '2 openat(AT_FDCWD, "refused", O_RDWR) = -1 EACCES (Permission denied)',
      '1 rename("/a/x", "/a/y") = 0',
      ...Array(10).fill('1 stat("/a", {}) = 0'),
    ].join("\n");
    assertEquals(written(trace, "/here"), [
      "/a/written",
      "/a/x",
      "/a/y",
      "/here/refused",
    ]);
  });
});
