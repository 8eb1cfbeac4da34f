import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { dirname } from "@std/path";
import { BINARY, Child, CREDENTIALS, Home, KEY } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { itWith, PATH, programs } from "../support/store_files.ts";

const TRACED = [
  "openat",
  "write",
  "pwrite64",
  "writev",
  "fsync",
  "fdatasync",
  "rename",
  "renameat",
  "renameat2",
  "link",
  "linkat",
  "unlink",
  "unlinkat",
  "chmod",
  "fchmod",
  "fchmodat",
  "umask",
];

/** One system call that went well, with the paths of its file descriptors. */
interface Call {
  name: string;
  args: string;
}

/** Runs the program under strace(1) and gives its calls, in their order. */
async function traced(
  args: string[],
  home: Home,
  env: Record<string, string>,
  stdin?: string,
): Promise<Call[]> {
  const log = home.at("strace.log");
  const { code, stderr } = await new Child("strace", [
    "--follow-forks",
    "--decode-fds=path",
    "--string-limit=65536",
    `--trace=${TRACED.join(",")}`,
    `--output=${log}`,
    BINARY,
    ...args,
  ], {
    home,
    env: { PATH, ...env },
    ...(stdin === undefined ? {} : { stdin }),
  }).end();
  assertEquals(code, 0, stderr);
  const text = Deno.readTextFileSync(log);
  Deno.removeSync(log);
  return joined(text).flatMap((line) => {
    const [, name = "", args = "", result = "-1"] =
      /^\d+ +(\w+)\((.*)\) += (-?\d+)/s.exec(line) ?? [];
    return name !== "" && !result.startsWith("-") ? [{ name, args }] : [];
  });
}

/** Puts the two halves of a call together that another thread's call came between. */
function joined(log: string): string[] {
  const open = new Map<string, string>();
  const lines: string[] = [];
  for (const line of log.split("\n")) {
    const [pid = ""] = line.split(" ");
    const begun = /^(.*) <unfinished \.\.\.>$/s.exec(line)?.[1];
    const resumed = /^\d+ +<\.\.\. \w+ resumed>(.*)$/s.exec(line)?.[1];
    if (begun !== undefined) open.set(pid, begun);
    else if (resumed !== undefined) lines.push((open.get(pid) ?? "") + resumed);
    else lines.push(line);
  }
  return lines;
}

/** Where in a trace the one call is that fits; fails unless there is exactly one. */
function only(
  calls: Call[],
  what: string,
  fits: (call: Call) => boolean,
): number {
  const found = calls.flatMap((call, at) => fits(call) ? [at] : []);
  assertEquals(
    found.length,
    1,
    `${what}: ${found.map((at) => `${calls[at]?.name}(${calls[at]?.args})`)}`,
  );
  return found[0] ?? -1;
}

const SYNC = /^f(data)?sync$/;
const WRITE = /^(write|pwrite64|writev)$/;

/** Checks that a file was put in its place in one step; gives the place of that step. */
function assertAtomic(calls: Call[], path: string, step: RegExp): number {
  const folder = dirname(path);
  const name = path.slice(folder.length + 1).replaceAll(".", "\\.");
  const temporary = new RegExp(`${folder}/\\.${name}\\.[0-9a-f-]{36}\\.tmp`);
  const opened = only(
    calls,
    "makes a temporary file",
    ({ name, args }) =>
      name === "openat" && temporary.test(args) && args.includes("O_CREAT"),
  );
  const { args = "" } = calls[opened] ?? {};
  assertMatch(args, /O_EXCL/);
  assertMatch(args, /, 0600$|, 0600\)?</);
  const [used = ""] = temporary.exec(args) ?? [];
  const written = calls.flatMap(({ name, args }, at) =>
    WRITE.test(name) && args.includes(`<${used}>`) ? [at] : []
  );
  const synced = only(
    calls,
    "syncs the temporary file",
    ({ name, args }) => SYNC.test(name) && args.includes(`<${used}>`),
  );
  const placed = only(
    calls,
    "puts it in its place",
    ({ name, args }) =>
      step.test(name) && args.includes(`"${used}"`) &&
      args.includes(`"${path}"`),
  );
  const syncedFolder = calls.findIndex(({ name, args }, at) =>
    at > placed && SYNC.test(name) && args.endsWith(`<${folder}>`)
  );
  assert(written.length > 0, "nothing was written");
  const order = [opened, ...written, synced, placed, syncedFolder];
  assertEquals(order, order.toSorted((a, b) => a - b), "the order of calls");
  assert(syncedFolder > 0, `${folder} was not synced`);
  const inPlace = calls.filter(({ name, args }) =>
    name === "openat" && args.includes(`"${path}"`) &&
    /O_WRONLY|O_RDWR|O_TRUNC|O_APPEND/.test(args)
  );
  assertEquals(inPlace, [], "it was opened for writing where it is");
  return placed;
}

/** No file's mode is mended afterwards: it is right from the first byte. */
function assertModesFromTheStart(calls: Call[]): void {
  const mended = calls.filter(({ name }) => /chmod|umask/.test(name));
  assertEquals(mended, []);
}

describe("seen by strace, a write", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  const RENAME = /^rename/;
  const logIn = (home: Home, profile: string): Promise<Call[]> =>
    traced(
      ["login", "--token-stdin", "--save", "--profile", profile],
      home,
      service.env,
      service.token,
    );

  itWith(
    [programs("strace")],
    "by a first login makes the key and then the file: 0600 from the first byte, synced, put in place, the folder synced",
    async () => {
      using home = new Home();
      const calls = await logIn(home, "a");
      const key = assertAtomic(calls, home.at(KEY), RENAME);
      const file = assertAtomic(calls, home.at(CREDENTIALS), RENAME);
      assert(key < file, "the key has to be safe before what it seals");
      assertModesFromTheStart(calls);
      const leaks = calls.filter(({ name, args }) =>
        WRITE.test(name) && args.includes(`<${home.path}`) &&
        args.includes(service.token.slice(5))
      );
      assertEquals(leaks, [], "the token was written to a file");
    },
  );

  for (
    const { by, args } of [
      { by: "by use", args: ["use", "a"] },
      { by: "by logout", args: ["logout", "--profile", "a"] },
    ]
  ) {
    itWith(
      [programs("strace")],
      `${by} syncs before the rename, and the folder after it`,
      async () => {
        using home = new Home();
        await logIn(home, "a");
        await logIn(home, "b");
        const calls = await traced(args, home, {});
        assertAtomic(calls, home.at(CREDENTIALS), RENAME);
        assertModesFromTheStart(calls);
      },
    );
  }

  itWith(
    [programs("strace")],
    "by store rekey has the new key on the disk before the file that needs it",
    async () => {
      using home = new Home();
      await logIn(home, "a");
      const calls = await traced(["store", "rekey"], home, {});
      const key = assertAtomic(calls, home.at(KEY), RENAME);
      const file = assertAtomic(calls, home.at(CREDENTIALS), RENAME);
      assert(key < file, "the file came before its key");
      const keyFolder = dirname(home.at(KEY));
      const synced = calls.findIndex(({ name, args }, at) =>
        at > key && SYNC.test(name) && args.endsWith(`<${keyFolder}>`)
      );
      assert(synced < file, "the key's folder was synced too late");
      assertModesFromTheStart(calls);
    },
  );

  itWith(
    [programs("strace")],
    "is none at all for what only reads",
    async () => {
      using home = new Home();
      await logIn(home, "a");
      for (
        const args of [["token"], ["status"], ["store", "info"], ["whoami"]]
      ) {
        const calls = await traced(args, home, {});
        const changes = calls.filter(({ name, args }) =>
          WRITE.test(name)
            ? args.includes(`<${home.path}`)
            : args.includes(home.path) &&
              (/rename|link|sync|chmod/.test(name) ||
                /O_CREAT|O_WRONLY|O_RDWR|O_TRUNC/.test(args))
        );
        assertEquals(changes, [], args.join(" "));
      }
    },
  );
});
