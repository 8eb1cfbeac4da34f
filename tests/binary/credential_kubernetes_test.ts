import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { Authority, type Identity } from "../support/certificates.ts";
import { FakeContext } from "../support/fake_context.ts";
import {
  assertFails,
  BINARY,
  Child,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { PATH } from "../support/store_files.ts";
import { KEYS, Terminal } from "../support/terminal.ts";
import {
  itWithPrograms,
  type Passage,
  TokenGate,
} from "../support/token_gate.ts";

const V1 = "client.authentication.k8s.io/v1";
const VERSIONS = [V1, "client.authentication.k8s.io/v1beta1"];
const TOOLS = Deno.readTextFileSync(
  new URL("../../docs/tools.md", import.meta.url),
);
/** What kubectl is to get. */
const THING = "/apis/nano.example";
const PASSPHRASE = { NANOCTL_PASSPHRASE: "a passphrase of some length" };

/** The first kubectl with a version of an ExecCredential, as 1.N (its changelog). */
const KNOWN_SINCE: Record<string, number> = { [V1]: 22 };

function itWithKubectl(
  version: string,
  name: string,
  fn: () => Promise<void>,
): void {
  const since = KNOWN_SINCE[version] ?? 0;
  if (minorVersion() < since) {
    it.skip(`${name} (skipped: kubectl is older than 1.${since})`, fn);
  } else itWithPrograms(["kubectl"], name, fn);
}

/** The N of kubectl's version 1.N; infinite if there is no kubectl. */
function minorVersion(): number {
  try {
    const { stdout } = new Deno.Command("kubectl", {
      args: ["version", "--client", "--output=json"],
      env: { PATH },
      stderr: "null",
    }).outputSync();
    const { clientVersion } = JSON.parse(new TextDecoder().decode(stdout));
    return Number.parseInt(clientVersion.minor);
  } catch {
    return Infinity;
  }
}

describe("as a credential plugin of kubectl,", () => {
  let authority: Authority;
  let identity: Identity;
  let service: Service;

  beforeAll(async () => {
    authority = await Authority.create();
    identity = await authority.issue();
    service = await Service.start();
  });
  afterAll(() => service.stop());

  /** Writes a kubeconfig for a cluster, and gives its path. */
  function kubeconfig(
    home: Home,
    { url }: TokenGate,
    apiVersion: string,
    exec: { interactiveMode?: string; args?: string[] } = {},
  ): string {
    const { interactiveMode = "Never", args = [] } = exec;
    const path = home.at("kubeconfig");
    // JSON is YAML too.
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "it",
      contexts: [{ name: "it", context: { cluster: "it", user: "nano" } }],
      clusters: [{
        name: "it",
        cluster: {
          server: url,
          "certificate-authority-data": btoa(authority.pem),
        },
      }],
      users: [{
        name: "nano",
        user: {
          exec: {
            apiVersion,
            command: BINARY,
            args: ["credential", "kubernetes", ...args],
            interactiveMode,
          },
        },
      }],
    };
    Deno.writeTextFileSync(path, JSON.stringify(config));
    return path;
  }

  async function kubectl(home: Home, config: string): Promise<Result> {
    const args = ["--kubeconfig", config, "get", "--raw", THING];
    return await new Child("kubectl", args, { home, env: { PATH } }).end();
  }

  const LET_IN = { path: THING, scheme: "bearer", status: 200 };

  /** What was asked for, apart from the version, which some kubectls ask for first. */
  function passagesOf({ passages }: TokenGate): Passage[] {
    return passages.filter(({ path }) => path !== "/version");
  }

  for (const version of VERSIONS) {
    const name = version.split("/")[1];

    itWithKubectl(version, `it gives the token in ${name}`, async () => {
      await using gate = new TokenGate(service, identity);
      using home = await service.homeWith();
      const config = kubeconfig(home, gate, version);
      const { code, stdout, stderr } = await kubectl(home, config);
      assertEquals([code, stderr], [0, ""]);
      assertEquals(JSON.parse(stdout).username, "ada");
      assertEquals(passagesOf(gate), [LET_IN]);
    });

    itWithKubectl(
      version,
      `it gives the next token after a login, where the first was refused, in ${name}`,
      async () => {
        await using gate = new TokenGate(service, identity);
        using home = new Home();
        const first = await service.mint();
        await service.logIn(home, first.token);
        const config = kubeconfig(home, gate, version);
        assertEquals((await kubectl(home, config)).code, 0);
        await service.change(first.id, { state: "expired" });
        const refused = await kubectl(home, config);
        assertEquals([refused.code, refused.stdout], [1, ""]);
        assertMatch(refused.stderr, /must be logged in to the server/);
        await service.logIn(home, (await service.mint()).token);
        const { code, stderr } = await kubectl(home, config);
        assertEquals([code, stderr], [0, ""]);
        assertEquals(passagesOf(gate).at(0), LET_IN);
        assertEquals(passagesOf(gate).at(1), { ...LET_IN, status: 401 });
        assertEquals(passagesOf(gate).at(-1), LET_IN);
      },
    );

    itWithKubectl(
      version,
      `it says that the stored token has expired, and gives the next one, in ${name}`,
      async () => {
        await using gate = new TokenGate(service, identity);
        using home = new Home();
        const config = kubeconfig(home, gate, version);
        await saveExpired(home);
        const expired = await kubectl(home, config);
        assertEquals([expired.code, expired.stdout], [1, ""]);
        assertMatch(
          expired.stderr,
          /^error: the stored token expired on .*\nhint: log in again with 'nanoctl login';/m,
        );
        assertEquals(passagesOf(gate), []);
        await service.logIn(home, (await service.mint()).token);
        const { code, stderr } = await kubectl(home, config);
        assertEquals([code, stderr], [0, ""]);
        assertEquals(passagesOf(gate), [LET_IN]);
      },
    );
  }

  /** Stores a token that ended a minute ago. */
  async function saveExpired(home: Home): Promise<void> {
    const context = new FakeContext({ env: { HOME: home.path } });
    await new CredentialStore(context).save({
      profile: "default",
      service: "nanoservices",
      url: service.url,
      username: "ada",
      expiresAt: new Date(Date.now() - 60_000),
      token: new Secret((await service.mint()).token),
    });
  }

  itWithKubectl("", "it keeps what it says off stdout", async () => {
    await using gate = new TokenGate(service, identity);
    using home = new Home();
    const { token } = await service.mint({ expires_in: 3600 });
    await service.logIn(home, token);
    const args = ["--verbose"];
    const config = kubeconfig(home, gate, VERSIONS[1] ?? "", { args });
    const { code, stderr } = await kubectl(home, config);
    assertEquals(code, 0);
    assertMatch(stderr, /^warning: the token expires on /m);
    assertEquals(passagesOf(gate), [LET_IN]);
  });

  itWithKubectl("", "it gives the login of a profile", async () => {
    await using gate = new TokenGate(service, identity);
    using home = await service.homeWith();
    const { token } = await service.mint({ username: "grace" });
    await service.logIn(home, token, "--profile", "work");
    assertEquals((await run(["use", "default"], { home })).code, 0);
    const args = ["--profile", "work"];
    const config = kubeconfig(home, gate, VERSIONS[1] ?? "", { args });
    const { stdout } = await kubectl(home, config);
    assertEquals(JSON.parse(stdout).username, "grace");
  });

  itWithKubectl(V1, "it is set up as the documents say", async () => {
    await using gate = new TokenGate(service, identity);
    using home = await service.homeWith();
    const config = kubeconfig(home, gate, V1);
    const [, users = ""] = /```yaml\n([^]*?)```/.exec(TOOLS) ?? [];
    const [, use = ""] = /^ {4}(kubectl config .*)$/m.exec(TOOLS) ?? [];
    Deno.writeTextFileSync(home.at("users"), users);
    Deno.symlinkSync(BINARY, home.at("nanoctl"));
    // The first one counts.
    const env = {
      PATH: `${home.path}:${PATH}`,
      KUBECONFIG: `${home.at("users")}:${config}`,
    };
    const script = `${use} >&2 && kubectl get --raw ${THING}`;
    const { code, stderr } = await new Child("sh", ["-c", script], {
      home,
      env,
    }).end();
    assertEquals(code, 0, stderr);
    assertEquals(passagesOf(gate), [LET_IN]);
  });

  describe("where the key comes from a passphrase,", () => {
    const ASK = "Passphrase of the credential file";
    const line = (config: string): string =>
      `kubectl --kubeconfig '${config}' get --raw ${THING}`;

    itWithKubectl(
      "",
      "it fails on a terminal that kubectl keeps to itself",
      async () => {
        await using gate = new TokenGate(service, identity);
        using home = await service.homeWith(PASSPHRASE);
        const config = kubeconfig(home, gate, VERSIONS[1] ?? "");
        const terminal = new Terminal([], { home, shell: line(config) });
        const { code, screen } = await terminal.end();
        assertEquals(code, 1, screen);
        assertMatch(
          screen,
          /^error: a passphrase is needed, and there is no terminal to ask for it\r\nhint: set NANOCTL_PASSPHRASE_FILE or NANOCTL_PASSPHRASE\r$/m,
        );
        assertEquals(passagesOf(gate), []);
      },
    );

    itWithKubectl(
      V1,
      "it asks for it on a terminal that kubectl shares",
      async () => {
        await using gate = new TokenGate(service, identity);
        using home = await service.homeWith(PASSPHRASE);
        const interactiveMode = "IfAvailable";
        const config = kubeconfig(home, gate, V1, { interactiveMode });
        const terminal = new Terminal([], { home, shell: line(config) });
        await terminal.waitFor(ASK);
        await terminal.type(PASSPHRASE.NANOCTL_PASSPHRASE + KEYS.enter);
        const { code, screen } = await terminal.end();
        assertEquals(code, 0, screen);
        assertEquals(passagesOf(gate), [LET_IN]);
      },
    );
  });

  it("it refuses a version that it doesn't know", async () => {
    using home = await service.homeWith();
    const info = {
      kind: "ExecCredential",
      apiVersion: `${V1}alpha1`,
      spec: { interactive: false },
    };
    await assertFails(["credential", "kubernetes"], {
      home,
      env: { KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    }, {
      exit: 2,
      code: "usage",
      message: /^KUBERNETES_EXEC_INFO asks for the version \S+\/v1alpha1, /,
      hint: /^the apiVersion can be \S+\/v1 or \S+\/v1beta1$/,
    });
  });
});
