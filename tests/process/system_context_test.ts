import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

/**
 * The real context listens for signals and changes the environment of its
 * process: each test gives it a process of its own.
 */
function inProcess(
  body: string,
  env: Record<string, string> = {},
): Deno.ChildProcess {
  const code = `
    import { systemContext } from ${
    JSON.stringify(resolve("process/system_context.ts"))
  };
    const context = systemContext({
      secret: () => Promise.resolve("typed"),
      release: () => {},
    });
    ${body}
    Deno.exit(0);
  `;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", code],
    env: { ...NO_PROXY_VARIABLES, NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function resolve(path: string): string {
  return import.meta.resolve(`../../src/${path}`);
}

/** So that the proxy of whoever runs the tests plays no part. */
const NO_PROXY_VARIABLES = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
    .flatMap((name) => [[name, ""], [name.toLowerCase(), ""]]),
);

async function outcome(
  process: Deno.ChildProcess,
  stdin: string | Uint8Array<ArrayBuffer> = "",
): Promise<{ code: number; stdout: string; stderr: string }> {
  const writer = process.stdin.getWriter();
  // A process that wants no more of it closes its end.
  await writer.write(
    typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin,
  ).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await process.output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

describe("the system's context", () => {
  it("writes a long text whole to each stream", async () => {
    const LENGTH = 500_000;
    const { stdout, stderr } = await outcome(inProcess(`
      await context.stdout.write("ü".repeat(${LENGTH}));
      await context.stderr.write("é".repeat(${LENGTH}));
    `));
    assertEquals(stdout, "ü".repeat(LENGTH));
    assertEquals(stderr, "é".repeat(LENGTH));
  });

  it("reads standard input to its end, or to the limit", async () => {
    const process = (limit: number): Deno.ChildProcess =>
      inProcess(`
        const bytes = await context.stdin.readAll(${limit});
        await context.stdout.write(String(bytes.length));
      `);
    const content = "x".repeat(200_000);
    const results = await Promise.all([
      outcome(process(1_000_000), content),
      outcome(process(1000), content),
      outcome(process(1000)),
    ]);
    assertEquals(results.map(({ stdout }) => stdout), ["200000", "1000", "0"]);
  });

  it("knows that pipes are no terminals", async () => {
    const { stdout } = await outcome(inProcess(`
      const { stdin, stdout, stderr } = context;
      const terminals = [stdin, stdout, stderr].map((one) => one.isTerminal);
      await stdout.write(JSON.stringify(terminals));
    `));
    assertEquals(stdout, "[false,false,false]");
  });

  it("has the clock, the system, chance, the environment and the way to ask", async () => {
    const { stdout } = await outcome(
      inProcess(
        `
      const off = Math.abs(context.now().getTime() - Date.now());
      const chance = context.random();
      await context.stdout.write(JSON.stringify([
        off < 1000, context.os, chance >= 0 && chance < 1,
        context.env.get("A_VARIABLE"), context.env.get("NO_VARIABLE") ?? null,
        await context.prompts.secret("Token"),
      ]));
    `,
        { A_VARIABLE: "a value" },
      ),
    );
    assertEquals(JSON.parse(stdout), [
      true,
      Deno.build.os,
      true,
      "a value",
      null,
      "typed",
    ]);
  });

  it("sleeps for as long as it is told, until it is aborted", async () => {
    const { stdout } = await outcome(inProcess(`
      const abort = new AbortController();
      const outcomes = [];
      const note = (name) => outcomes.push(name);
      await context.sleep(1, abort.signal).then(() => note("slept"));
      const long = context.sleep(1e8, abort.signal).catch(note);
      abort.abort("aborted");
      await long;
      await context.sleep(1e8, abort.signal).catch(note);
      await context.stdout.write(outcomes.join());
    `));
    assertEquals(stdout, "slept,aborted,aborted");
  });

  it("turns Ctrl-C into its signal, with the error that ends a command", async () => {
    const process = inProcess(`
      const interrupted = new Promise((resolve) =>
        context.signal.addEventListener("abort", resolve)
      );
      await context.stdout.write("ready");
      const timer = setInterval(() => {}, 1000);
      await interrupted;
      clearInterval(timer);
      const { code, exitCode } = context.signal.reason;
      await context.stderr.write(code + " " + exitCode);
    `);
    const reader = process.stdout.getReader();
    const first = await reader.read();
    assertEquals(new TextDecoder().decode(first.value), "ready");
    process.kill("SIGINT");
    reader.releaseLock();
    assertEquals((await outcome(process)).stderr, "interrupted 130");
  });

  it("ends whoever waits on Ctrl-C, and has its signal aborted for whoever asks later", async () => {
    const process = inProcess(`
      const ended = context.interrupted.catch(({ code }) => code);
      const timer = setInterval(() => {}, 1000);
      await context.stdout.write("ready");
      const code = await ended;
      clearInterval(timer);
      const { aborted, reason } = context.signal;
      await context.stderr.write([code, aborted, reason.exitCode].join());
    `);
    const reader = process.stdout.getReader();
    await reader.read();
    process.kill("SIGINT");
    reader.releaseLock();
    assertEquals((await outcome(process)).stderr, "interrupted,true,130");
  });

  it("leaves Ctrl-C to someone else for good once it is released", async () => {
    const process = inProcess(`
      void context.interrupted;
      context.releaseInterrupt();
      const { aborted } = context.signal;
      setInterval(() => {}, 1000);
      await context.stdout.write("ready" + aborted);
      await new Promise(() => {});
    `);
    const reader = process.stdout.getReader();
    const first = await reader.read();
    assertEquals(new TextDecoder().decode(first.value), "readyfalse");
    process.kill("SIGINT");
    reader.releaseLock();
    await outcome(process);
    assertEquals((await process.status).signal, "SIGINT");
  });

  const LOOPBACK = "localhost,127.0.0.0/8,::1";
  const proxies: [env: Record<string, string>, noProxy: string][] = [
    [{}, ""],
    [{ NO_PROXY: "a.example" }, "a.example"],
    [{ HTTPS_PROXY: "http://p.example" }, LOOPBACK],
    [{ http_proxy: "http://p.example" }, LOOPBACK],
    [{ ALL_PROXY: "http://p.example" }, LOOPBACK],
    [
      { HTTP_PROXY: "http://p.example", NO_PROXY: "a.example" },
      `a.example,${LOOPBACK}`,
    ],
  ];
  it("keeps loopback from every proxy, without forgetting what was set", async () => {
    const results = await Promise.all(proxies.map(([env]) =>
      outcome(inProcess(
        `await context.stdout.write(context.env.get("NO_PROXY") ?? "");`,
        env,
      ))
    ));
    assertEquals(
      results.map(({ stdout }) => stdout),
      proxies.map(([, noProxy]) => noProxy),
    );
  });

  it("sends what is not loopback through the proxy, and loopback past it", async () => {
    const seen: string[] = [];
    const answer = (who: string): Deno.ServeHandler => (request) => {
      seen.push(`${who}: ${request.url}`);
      return new Response("ok");
    };
    const onListen = (): void => {};
    const at = { hostname: "127.0.0.1", port: 0, onListen };
    await using proxy = Deno.serve(at, answer("proxy"));
    await using service = Deno.serve(at, answer("service"));
    const own = `127.0.0.1:${service.addr.port}`;
    const { code, stderr } = await outcome(inProcess(
      `
        const urls = ["http://${own}/a", "http://localhost:${service.addr.port}/b", "http://service.invalid/c"];
        for (const url of urls) {
          const response = await context.fetch(url).catch(() => undefined);
          await response?.body?.cancel();
        }
      `,
      { HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}` },
    ));
    assertEquals(code, 0, stderr);
    const byProxy = seen.filter((line) => line.startsWith("proxy"));
    assertEquals(byProxy, ["proxy: http://service.invalid/c"]);
    assert(seen.includes(`service: http://${own}/a`), seen.join());
  });
});
