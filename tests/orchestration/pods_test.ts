import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import * as v from "valibot";
import {
  DocumentedHosts,
  PROVIDER_TOKEN,
} from "../support/documented_hosts.ts";
import { pythonWith } from "../support/example_ways.ts";
import { CREDENTIALS, Home, run } from "../support/nanoctl.ts";
import { workloadToken } from "../support/oauth_service.ts";
import {
  AUTHORITY,
  type Cluster,
  Pod,
  POD_SPEC,
  type PodSpec,
} from "../support/pod.ts";
import {
  itWith,
  ownMounts,
  programs,
  root,
  someKey,
} from "../support/store_files.ts";
import { yamlDocuments } from "../support/yaml.ts";

const FOLDER = fromFileUrl(import.meta.resolve("../../docs/kubernetes/"));
const NEEDS = [
  root,
  ownMounts,
  programs("git", "setpriv"),
  pythonWith("yaml"),
];
const SERVICE = "https://nano.example.com";

const WORKLOAD = v.looseObject({
  spec: v.looseObject({ template: v.looseObject({ spec: POD_SPEC }) }),
});

/** The spec of the only workload of a manifest. */
function podSpecOf(manifest: string): PodSpec {
  const found = yamlDocuments(join(FOLDER, manifest))
    .filter((document) => v.is(v.looseObject({ kind: KINDS }), document));
  assertEquals(found.length, 1);
  return v.parse(WORKLOAD, found[0]).spec.template.spec;
}
const KINDS = v.picklist(["Deployment", "Job"]);

describe("the pods of docs/kubernetes", () => {
  let hosts: DocumentedHosts;
  let token: string;
  const key = someKey();
  beforeAll(async () => {
    hosts = await DocumentedHosts.start();
    await hosts.connectProviders();
    token = await workloadToken(hosts.service);
  });
  afterAll(() => hosts?.[Symbol.asyncDispose]());

  /** A cluster with the secret that the page makes, and these others. */
  function cluster(secrets: Cluster["secrets"] = {}): Cluster {
    return {
      secrets: { "nanoctl-key": { key: `${key}\n` }, ...secrets },
      tokens: { [SERVICE]: token },
      env: hosts.variables(AUTHORITY),
      authority: hosts.authority,
      programs: { agent: 'echo "agent has $(cat "$1/file")"' },
    };
  }

  /** The token that the pod's login got. */
  async function sessionOf(pod: Pod, spec: PodSpec): Promise<string> {
    const [container] = spec.initContainers;
    assert(container);
    const { code, stdout, stderr } = await pod.runIn(container, [
      "nanoctl",
      "token",
    ]);
    assertEquals(code, 0, stderr);
    return stdout.trim();
  }

  itWith(
    NEEDS,
    "log in as their service account and clone, and no volume holds a token in plain text",
    async () => {
      const spec = podSpecOf("agent.yaml");
      using pod = new Pod(spec, cluster());
      const results = await pod.run();
      const said = JSON.stringify(results);
      assertEquals(results.map(({ code }) => code), [0, 0, 0], said);
      assertEquals(results.at(-1)?.stdout, "agent has the content\n");
      assertEquals(pod.holding(token), ["tokens"]);
      assertEquals(pod.holding(key), ["key"]);
      const session = await sessionOf(pod, spec);
      for (const secret of [session, PROVIDER_TOKEN]) {
        assertEquals(pod.holding(secret), []);
        assert(!said.includes(secret));
      }
      assertEquals(pod.mode("session", "nanoctl"), "0700");
      assertEquals(pod.mode("session", "nanoctl/credentials.json"), "0600");
    },
  );

  itWith(
    NEEDS,
    "whose image has no nanoctl clone with a credential that lies in memory only",
    async () => {
      const spec = podSpecOf("build.yaml");
      using pod = new Pod(spec, cluster());
      const results = await pod.run();
      const said = JSON.stringify(results);
      assertEquals(results.map(({ code }) => code), [0, 0], said);
      assertEquals(
        Deno.readTextFileSync(pod.at("work", "private/file")),
        "the content\n",
      );
      const session = await sessionOf(pod, spec);
      assertEquals(pod.holding(session), []);
      assertEquals(pod.holding(PROVIDER_TOKEN), ["git"]);
      assertEquals(pod.mode("git", "credentials"), "0600");
      assert(!said.includes(session) && !said.includes(PROVIDER_TOKEN));
      const [main] = spec.containers;
      assert(main);
      const mounted = main.volumeMounts.map(({ name }) => name);
      assertEquals(mounted, ["git", "work"]);
    },
  );

  itWith(NEEDS, "use a login that is mounted, and leave it alone", async () => {
    using home = new Home();
    const { token: own } = await hosts.service.mint();
    const login = await run(["login", "--token-stdin", "--save"], {
      home,
      stdin: own,
      env: {
        ...variablesAt(home, hosts),
        NANOSERVICES_URL: SERVICE,
        NANOCTL_ENCRYPTION_KEY: key,
      },
    });
    assertEquals(login.code, 0, login.stderr);
    const stored = Deno.readTextFileSync(home.at(CREDENTIALS));
    using pod = new Pod(
      podSpecOf("mounted_login.yaml"),
      cluster({ "nanoctl-login": { "credentials.json": stored } }),
    );
    const [result] = await pod.run();
    assertEquals(result?.code, 0, result?.stderr);
    assertMatch(result?.stdout ?? "", /"username":"ada"/);
    assertEquals(pod.holding(own), []);
    assertEquals(
      Deno.readTextFileSync(pod.at("login", "credentials.json")),
      stored,
    );
  });

  itWith(
    NEEDS,
    "are stopped by what their security context forbids",
    async () => {
      const spec = podSpecOf("agent.yaml");
      using pod = new Pod(spec, cluster());
      const [container] = spec.containers;
      assert(container);
      const script = (text: string): Promise<{ code: number }> =>
        pod.runIn(container, ["sh", "-c", text]);
      assertEquals(
        (await script("touch /session/file /checkout/file")).code,
        0,
      );
      for (const path of ["/file", "/etc/nanoctl/file", "/usr/file"]) {
        assert((await script(`touch ${path}`)).code !== 0, path);
      }
      const { stdout } = await pod.runIn(container, [
        "grep",
        "-E",
        "^(Uid|Gid|CapEff|CapBnd|NoNewPrivs):",
        "/proc/self/status",
      ]);
      assertEquals(stdout.replaceAll(/\t+/g, " ").trim().split("\n"), [
        "Uid: 10001 10001 10001 10001",
        "Gid: 10001 10001 10001 10001",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
      ]);
    },
  );

  itWith(
    NEEDS,
    "whose token the service refuses don't get to their main container",
    async () => {
      const spec = podSpecOf("agent.yaml");
      const expired = await workloadToken(hosts.service, { expires_in: -60 });
      using pod = new Pod(spec, {
        ...cluster(),
        tokens: { [SERVICE]: expired },
      });
      const results = await pod.run();
      assertEquals(results.map(({ code }) => code), [4]);
      assert(!JSON.stringify(results).includes(expired));
    },
  );
});

/** What takes nanoctl from a home to the documented hosts. */
function variablesAt(home: Home, hosts: DocumentedHosts): Record<
  string,
  string
> {
  const authority = home.at("authority.pem");
  Deno.writeTextFileSync(authority, hosts.authority);
  return hosts.variables(authority);
}
