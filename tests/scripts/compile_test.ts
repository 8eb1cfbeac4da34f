import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { compileArgs } from "../../scripts/compile.ts";
import { runDeno } from "../../scripts/process.ts";
import { denortOfSetUp } from "../support/denort.ts";

/** Tries what is named on the command line and says how that ended. */
const PROBE = `
import process from "node:process";
const tries: Record<string, () => unknown> = {
  import: () => import(Deno.env.get("PROBE_URL")!),
  importFile: () => import(Deno.env.get("PROBE_FILE")!),
  worker: () => new Promise((resolve, reject) => {
    const worker = new Worker(Deno.env.get("PROBE_URL")!, { type: "module" });
    worker.onmessage = resolve;
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new TypeError(event.message));
    };
  }),
  ffi: () => Deno.dlopen(Deno.execPath(), {}),
  addon: () => process.dlopen({ exports: {} }, Deno.env.get("PROBE_ADDON")!),
  narrow: () => {
    const path = Deno.env.get("PROBE_FILE")!.replace("file://", "");
    Deno.permissions.revokeSync({ name: "write", path });
    Deno.writeTextFileSync(path, "export {};");
  },
  revoke: () => {
    const path = Deno.env.get("PROBE_FILE")!.replace("file://", "");
    Deno.permissions.revokeSync({ name: "write" });
    Deno.permissions.requestSync({ name: "write", path });
    Deno.writeTextFileSync(path, "export {};");
  },
  hostname: () => Deno.hostname(),
  osRelease: () => Deno.osRelease(),
  osUptime: () => Deno.osUptime(),
  loadavg: () => Deno.loadavg(),
  networkInterfaces: () => Deno.networkInterfaces(),
  memory: () => Deno.systemMemoryInfo(),
  gid: () => Deno.gid(),
  uid: () => Deno.uid(),
  fetch: async () => await (await fetch(Deno.env.get("PROBE_URL")!)).text(),
  run: () => new Deno.Command(Deno.execPath(), { args: ["uid"] }).outputSync(),
};
try {
  await tries[Deno.args[0]!]!();
  console.log("allowed");
} catch (error) {
  console.log((error as Error).name);
}
`;

describe("the permissions of a compiled program", () => {
  let folder = "";
  let hits = 0;
  let server: Deno.HttpServer<Deno.NetAddr>;

  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl_compile_" });
    server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => {
        hits++;
        return new Response("export {};", {
          headers: { "content-type": "text/javascript" },
        });
      },
    );
    await Deno.writeTextFile(`${folder}/probe.ts`, PROBE);
    const { success, stderr } = await runDeno(
      compileArgs(`${folder}/probe.ts`, `${folder}/probe`),
      { cwd: folder, env: await denortOfSetUp() },
    );
    assertEquals(success, true, stderr);
  });

  afterAll(async () => {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  });

  async function tried(what: string): Promise<string> {
    const { stdout } = await new Deno.Command(`${folder}/probe`, {
      args: [what],
      env: {
        PROBE_URL: `http://127.0.0.1:${server.addr.port}/module.js`,
        PROBE_FILE: `file://${folder}/module.js`,
        PROBE_ADDON: `${folder}/probe`,
      },
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim();
  }

  it("cannot import a module from the net", async () => {
    assertEquals(await tried("import"), "TypeError");
    assertEquals(hits, 0);
  });

  it("cannot start a worker from the net", async () => {
    assertEquals(await tried("worker"), "TypeError");
    assertEquals(hits, 0);
  });

  it("can import a module from a file, which no flag forbids", async () => {
    await Deno.writeTextFile(`${folder}/module.js`, "export {};");
    assertEquals(await tried("importFile"), "allowed");
  });

  it("cannot load a library, nor an addon of Node's", async () => {
    assertEquals(await tried("ffi"), "NotCapable");
    assertEquals(await tried("addon"), "NotCapable");
  });

  it("cannot give up a part of where it may write, and keep the rest", async () => {
    // Were it otherwise, the program should keep its own folders only.
    assertEquals(await tried("narrow"), "allowed");
    assertEquals(await tried("revoke"), "NotCapable");
  });

  it("learns no more of the system than who owns a file", async () => {
    const more = ["hostname", "osRelease", "osUptime", "loadavg", "memory"];
    for (const what of [...more, "networkInterfaces", "gid"]) {
      assertEquals(await tried(what), "NotCapable", what);
    }
    assertEquals(await tried("uid"), "allowed");
  });

  it("can do what its commands need", async () => {
    assertEquals(await tried("fetch"), "allowed");
    assertEquals(await tried("run"), "allowed");
  });
});
