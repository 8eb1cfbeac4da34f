import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Child, Home, start, until } from "../support/nanoctl.ts";
import { programs, runScript, someToken } from "../support/store_files.ts";
import { itNeeding } from "../support/needs.ts";

/** The number of openat(2) in /proc, on the architectures of Linux that Deno has. */
const OPENAT = Deno.build.arch === "x86_64" ? "257" : "56";

/** Where a named pipe can be given, as `pipe` in the working folder. */
const LINES: { of: string; args: string[]; env?: Record<string, string> }[] = [
  { of: "a token", args: ["whoami", "--token-file", "pipe"] },
  {
    of: "a token, in a worker",
    args: ["login", "--save", "--token-file", "pipe"],
  },
  {
    of: "certificates",
    args: ["whoami", "--token", "x", "--url", "https://127.0.0.1:9"],
    env: { NANOCTL_CA_FILE: "pipe" },
  },
  {
    of: "a request",
    args: ["api", "/x", "--token", "x", "--input", "pipe"],
  },
  { of: "a description", args: ["service", "add", "pipe"] },
  {
    of: "a client's secret",
    args: [
      ...["login", "--client-credentials", "--client-id", "x"],
      ...["--client-secret-file", "pipe"],
    ],
  },
];

async function makePipe(home: Home): Promise<void> {
  const { code } = await runScript('mkfifo "$HOME/pipe"', { home });
  assertEquals(code, 0);
}

/** Waits until a thread of the program is blocked opening a file. */
async function untilItOpens({ pid }: Child): Promise<void> {
  const blocked = (thread: string): boolean => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/task/${thread}/syscall`)
        .startsWith(`${OPENAT} `);
    } catch {
      return false; // The thread, or the process, has ended.
    }
  };
  await until(
    () =>
      [...Deno.readDirSync(`/proc/${pid}/task`)].some((t) => blocked(t.name)),
    `process ${pid} opens the pipe`,
  );
}

describe("a named pipe without a writer", () => {
  for (const { of, args, env = {} } of LINES) {
    itNeeding(
      programs("mkfifo")(),
      `of ${of} leaves Ctrl-C working`,
      async () => {
        using home = new Home();
        await makePipe(home);
        const child = start(args, {
          home,
          env,
          cwd: home.path,
        });
        await untilItOpens(child);
        child.kill("SIGINT");
        assertEquals((await child.end()).code, 130);
      },
    );
  }
});

describe("a named pipe that gets a writer", () => {
  it("is read, and Ctrl-C is ours again", async () => {
    using home = new Home();
    await makePipe(home);
    // A service that never answers.
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const url = `http://127.0.0.1:${port}`;
    const child = start(["whoami", "--token-file", "pipe", "--url", url], {
      home,
      cwd: home.path,
    });
    await untilItOpens(child);
    Deno.writeTextFileSync(home.at("pipe"), someToken());
    using _connection = await listener.accept();
    child.kill("SIGINT");
    const { code, stderr } = await child.end();
    assertEquals([code, stderr], [130, "error: interrupted\n"]);
  });
});
