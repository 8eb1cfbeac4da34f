import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type DevServer, startDevServer } from "../../src/dev_server/server.ts";

const TEXT = Deno.readTextFileSync(
  new URL("../../docs/api.md", import.meta.url),
);

/** Commands of the documentation, and the answer that it shows for them. */
interface Example {
  heading: string;
  commands: string;
  answer: unknown;
}

function examples(): Example[] {
  return TEXT.split(/^## /m).slice(1).flatMap((section) =>
    [...section.matchAll(/```sh\n([^]*?)```\s+(?:```json\n([^]*?)```)/g)]
      .map(([, commands = "", answer = ""]) => ({
        heading: section.split("\n")[0] ?? "",
        commands,
        answer: JSON.parse(answer),
      }))
  );
}

/** The names of all members, and of what kind each is; values differ from run to run. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      // Members of extra are the provider's own.
      name === "extra" ? "object" : shape(member),
    ]).sort(),
  );
}

describe("docs/api.md", () => {
  let server: DevServer;
  beforeAll(async () => {
    server = await startDevServer({ hostname: "127.0.0.1", port: 0 });
  });
  afterAll(() => server.shutdown());

  async function run(commands: string): Promise<string> {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `set -eu\n${commands}`],
      env: {
        URL: server.url,
        TOKEN: server.token,
        AGENT_TOKEN: server.agentToken,
        NO_PROXY: "*",
      },
    }).output();
    return new TextDecoder().decode(stdout);
  }

  it("shows an answer for every command", () => {
    const blocks = TEXT.match(/```sh\n/g)?.length;
    assertEquals(examples().length, blocks);
    assert(examples().length >= 7);
  });

  for (const { heading, commands, answer } of examples()) {
    const command = commands.trim().split("\n").at(-1)?.trim();
    it(`shows what is answered under ${heading}: ${command}`, async () => {
      const said: unknown = JSON.parse(await run(commands));
      assertEquals(shape(said), shape(answer));
      const { code } = answer as { code?: string };
      if (code) assertEquals((said as { code: string }).code, code);
    });
  }
});
