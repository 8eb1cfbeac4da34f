import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { CredentialStore } from "../src/store/credential_store.ts";
import { credential } from "./store/store_fixture.ts";
import { FakeContext } from "./support/fake_context.ts";

const ROOT = new URL("../", import.meta.url);

/** What `token` and `--version` load: each module costs every script that calls them. */
const FAST_PATH = [
  "main.ts",
  "src/cli/expiry.ts",
  "src/cli/fast_path.ts",
  "src/errors.ts",
  "src/json.ts",
  "src/process/system/macos.ts",
  "src/process/system/systems.ts",
  "src/process/system/unix.ts",
  "src/process/system/windows.ts",
  "src/process/variables.ts",
  "src/secret.ts",
  "src/services/builtin/urls.ts",
  "src/services/names.ts",
  "src/store/envelope.ts",
  "src/store/file_format.ts",
  "src/store/file_state.ts",
  "src/store/file_top.ts",
  "src/store/keys/key_bytes.ts",
  "src/store/keys/key_info.ts",
  "src/store/keys/key_slots.ts",
  "src/store/keys/slot_seal.ts",
  "src/store/large_file.ts",
  "src/store/paths.ts",
  "src/store/profile_name.ts",
  "src/store/quick_read.ts",
  "src/tokens/variables.ts",
  "src/version.ts",
];

/** What `token` loads besides where the fast path gives up. */
const WHOLE = [
  "src/cli/command_line/called_by_tools.ts",
  "src/cli/command_line/parse.ts",
  "src/cli/command_line/shared_options.ts",
  "src/cli/command_line/spec.ts",
  "src/cli/command_line/table.ts",
  "src/cli/commands/token.ts",
  "src/cli/exit_code.ts",
  "src/cli/output.ts",
  "src/cli/run.ts",
  "src/cli/session/current_token.ts",
  "src/cli/session/profile_choice.ts",
  "src/cli/session/renewing.ts",
  "src/cli/session/services.ts",
  "src/cli/session/target.ts",
  "src/cli/session/timeout.ts",
  "src/http/service_url.ts",
  "src/process/argument_list.ts",
  "src/process/drop_permissions.ts",
  "src/process/finishing.ts",
  "src/process/interrupt.ts",
  "src/process/permissions.ts",
  "src/process/progress.ts",
  "src/process/streams.ts",
  "src/process/system_context.ts",
  "src/program.ts",
  "src/read_at_most.ts",
  "src/services/builtin/index.ts",
  "src/services/registry.ts",
  "src/store/credential_file.ts",
  "src/store/credential_store.ts",
  "src/store/file_lock.ts",
  "src/store/key_source.ts",
  "src/store/keys/key_file.ts",
  "src/store/permissions.ts",
  "src/store/read_only.ts",
  "src/store/snapshot.ts",
  "src/text_encoding.ts",
  "src/tokens/agent_auths.ts",
  "src/tokens/command.ts",
  "src/tokens/file.ts",
  "src/tokens/fixed.ts",
  "src/tokens/not_logged_in.ts",
  "src/tokens/resolve.ts",
  "src/tokens/standard_input.ts",
  "src/tokens/stored.ts",
  "src/tokens/token_text.ts",
];

describe("a start", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl_start_" });
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  /** The modules that a command line loads, as V8 saw them: ours by path, others by package. */
  async function loadedBy(
    args: string[],
    env: Record<string, string> = {},
    words: string[] = [],
  ): Promise<{ code: number; own: string[]; others: string[] }> {
    const coverage = `${folder}/coverage`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", `--coverage=${coverage}`],
        ...[fromFileUrl(new URL("main.ts", ROOT)), ...args],
      ],
      cwd: ROOT,
      env: { HOME: folder, DENO_NO_UPDATE_CHECK: "1", ...env },
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const input = child.stdin.getWriter();
    const text = words.map((word) => `${word}\0`).join("");
    await input.write(new TextEncoder().encode(text)).then(() => input.close())
      // Its reader may have ended.
      .catch(() => {});
    const { code } = await child.status;
    const urls = new Set<string>();
    for (const entry of Deno.readDirSync(coverage)) {
      if (!entry.isFile) continue;
      const text = await Deno.readTextFile(`${coverage}/${entry.name}`);
      urls.add(JSON.parse(text).url);
    }
    const own = [...urls].filter((url) => url.startsWith(ROOT.href))
      .map((url) => url.slice(ROOT.href.length))
      .filter((path) => /^(main\.ts|src\/)/.test(path));
    return {
      code,
      own: own.sort(),
      others: [...urls].filter((url) => !own.some((path) => url.endsWith(path)))
        .sort(),
    };
  }

  it("of token for a stored login loads what it needs and nothing else", async () => {
    const context = new FakeContext({ env: { HOME: folder } });
    await new CredentialStore(context).save({
      ...credential("default"),
      expiresAt: undefined,
    });
    for (const args of [["token"], ["token", "--profile", "default"]]) {
      const { code, own, others } = await loadedBy(args);
      assertEquals(code, 0);
      assertEquals(own, FAST_PATH);
      assertEquals(
        others.filter((url) => !url.includes("/@std/crypto/")),
        [],
      );
    }
  });

  it("of token loads no command tree where the fast path gives up", async () => {
    const env = { NANOSERVICES_TOKEN: "nano_given" };
    for (
      const { own, others } of [
        await loadedBy(["token"]),
        await loadedBy(["token", "--json"], env),
      ]
    ) {
      assertEquals(own, [...FAST_PATH, ...WHOLE].sort());
      assertEquals(
        others.filter((url) => /cliffy|hono|valibot|jose/i.test(url)),
        [],
      );
    }
  });

  it("of token --token-command loads what runs a program, and nothing for requests", async () => {
    const { code, own, others } = await loadedBy([
      ...["token", "--token-command", "printf nano_printed"],
    ]);
    assertEquals(code, 0);
    const usual = [...FAST_PATH, ...WHOLE];
    assertEquals(own.filter((path) => !usual.includes(path)), [
      "src/grant.ts",
      "src/process/child_environment.ts",
      "src/process/program_output.ts",
      "src/process/program_path.ts",
      "src/tokens/command_output.ts",
    ]);
    assertEquals(
      others.filter((url) => /cliffy|hono|valibot|jose/i.test(url)),
      [],
    );
  });

  it("of whoami loads neither the prompt nor the embedded service", async () => {
    const { own, others } = await loadedBy(["whoami", "--url", "127.0.0.1:9"]);
    assert(own.includes("src/cli/commands/whoami.ts"), own.join());
    assertEquals(
      own.filter((path) =>
        /dev_server|prompts|login|store_|commands\/(?!whoami)|cliffy/.test(path)
      ),
      [],
    );
    assertEquals(
      others.filter((url) => /cliffy|hono|jose|prompt/i.test(url)),
      [],
    );
  });

  it("of api --help loads nothing that sends a request", async () => {
    const { code, own } = await loadedBy(["api", "--help"]);
    assertEquals(code, 0);
    assert(own.includes("src/cli/commands/api.ts"), own.join());
    assertEquals(
      own.filter((path) => /http\/client|tokens\/agent\.ts/.test(path)),
      [],
    );
  });

  it("of a completion loads no package, and no command but the one on the line", async () => {
    const { code, own, others } = await loadedBy(["__complete"], {}, [
      ..."whoami --profile".split(" "),
      "",
    ]);
    assertEquals(code, 0);
    assertEquals(
      own.filter((path) =>
        /commands\/|cliffy|http|tokens\/\w+_session/.test(path)
      ),
      ["src/cli/commands/whoami.ts"],
    );
    assertEquals(
      others.filter((url) => /cliffy|hono|valibot|jose/i.test(url)),
      [],
    );
  });

  it("of --version loads no command", async () => {
    const { code, own } = await loadedBy(["--version"]);
    assertEquals(code, 0);
    assertEquals(own, FAST_PATH);
  });
});
