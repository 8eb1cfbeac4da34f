import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fromFileUrl } from "@std/path";
import { Child, Home, type Result } from "../support/nanoctl.ts";
import { KubernetesApi, kubernetesSchemas } from "../support/kubernetes_api.ts";
import { itNeeding, onLinux } from "../support/needs.ts";
import { PATH, programs } from "../support/store_files.ts";

const PAGE = Deno.readTextFileSync(
  new URL("../../docs/kubernetes.md", import.meta.url),
);
const FOLDER = fromFileUrl(import.meta.resolve("../../docs/kubernetes/"));
const NAMES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();

/** What a slip of the hand makes of a line, and what is to be said of it. */
const SLIPS: [line: string, slip: string, said: RegExp][] = [
  [
    "readOnlyRootFilesystem:",
    "readOnlyRootFileSystem:",
    /unknown field "readOnlyRootFileSystem"/,
  ],
  ["mountPath:", "path:", /missing required field "mountPath"/],
  ["runAsUser: 10001", "runAsUser: agent", /runAsUser: got "string"/],
  ["restartPolicy:", "restart:", /unknown field "restart"/],
  ["expirationSeconds:", "expiresIn:", /unknown field "expiresIn"/],
  ["policyTypes:", "policies:", /unknown field "policies"/],
];

describe("the manifests", () => {
  it("are those of docs/kubernetes.md", () => {
    const applied = PAGE.match(/(?<=kubectl apply -f kubernetes\/)\S+/g) ?? [];
    assertEquals([...applied].sort(), NAMES);
  });
});

onLinux("kubectl create --dry-run=client", () => {
  let api: KubernetesApi;
  let home: Home;
  beforeAll(() => {
    if (missing !== undefined) return;
    api = new KubernetesApi();
    home = new Home();
  });
  afterAll(async () => {
    home?.[Symbol.dispose]();
    await api?.[Symbol.asyncDispose]();
  });
  const missing = programs("kubectl")() ?? kubernetesSchemas();

  async function create(manifest: string): Promise<Result> {
    const args = ["--server", api.url, "create", "--dry-run=client"];
    return await new Child("kubectl", [
      ...args,
      "--validate=true",
      "--output=name",
      "--filename=-",
    ], { home, env: { PATH }, stdin: manifest }).end();
  }

  for (const name of NAMES) {
    const text = Deno.readTextFileSync(`${FOLDER}${name}`);

    itNeeding(missing, `takes ${name} as it stands`, async () => {
      const { code, stdout, stderr } = await create(text);
      assertEquals([code, stderr], [0, ""]);
      const kinds = text.match(/^kind: \w+$/gm) ?? [];
      assert(kinds.length > 0);
      assertEquals(stdout.trim().split("\n").length, kinds.length);
    });

    for (const [line, slip, said] of SLIPS) {
      if (!text.includes(line)) continue;
      itNeeding(missing, `refuses ${name} with "${slip}"`, async () => {
        const { code, stderr } = await create(text.replaceAll(line, slip));
        assertEquals(code, 1);
        assertMatch(stderr, said);
      });
    }
  }

  itNeeding(missing, "asks for nothing but what there is to know", () => {
    const asked = api.requests.filter((one) =>
      !/^GET \/(version|openapi|apis?)\b/.test(one)
    );
    assertEquals(asked, []);
    assert(api.requests.includes("GET /openapi/v2"));
    return Promise.resolve();
  });
});
