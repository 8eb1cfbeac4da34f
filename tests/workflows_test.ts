import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { TARGETS } from "../scripts/release/plan.ts";
import { pythonWith } from "./support/example_ways.ts";
import { yamlDocuments } from "./support/yaml.ts";

const ROOT = fromFileUrl(import.meta.resolve("..")).replace(/[\\/]$/, "");
const FOLDER = `${ROOT}/.github/workflows`;

const STEP = v.strictObject({
  name: v.optional(v.string()),
  uses: v.optional(v.string()),
  run: v.optional(v.string()),
  shell: v.optional(v.literal("bash")),
  env: v.optional(v.record(v.string(), v.string())),
  with: v.optional(v.record(v.string(), v.union([v.string(), v.boolean()]))),
});
const PERMISSIONS = v.strictObject({
  contents: v.picklist(["read", "write"]),
  // To sign in the workflow's name.
  "id-token": v.optional(v.literal("write")),
  attestations: v.optional(v.literal("write")),
});
const JOB = v.strictObject({
  name: v.string(),
  needs: v.optional(v.union([v.string(), v.array(v.string())])),
  "runs-on": v.string(),
  "timeout-minutes": v.pipe(v.number(), v.maxValue(60)),
  permissions: v.optional(PERMISSIONS),
  env: v.optional(v.record(v.string(), v.string())),
  strategy: v.optional(v.strictObject({
    "fail-fast": v.optional(v.boolean()),
    matrix: v.record(v.string(), v.array(v.unknown())),
  })),
  steps: v.array(STEP),
});

/** What we use of the format, so that a key that is misspelt is seen. */
const WORKFLOW = v.strictObject({
  name: v.string(),
  on: v.record(
    v.picklist(["push", "pull_request"]),
    v.nullable(v.record(v.string(), v.array(v.string()))),
  ),
  // What every job may that does not say otherwise.
  permissions: v.strictObject({ contents: v.literal("read") }),
  concurrency: v.optional(v.strictObject({
    group: v.string(),
    "cancel-in-progress": v.boolean(),
  })),
  jobs: v.record(v.string(), JOB),
});

type Job = v.InferOutput<typeof JOB>;
type Step = v.InferOutput<typeof STEP>;

const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
const canParse = pythonWith("yaml")() === undefined;

function parsed(name: string): v.InferOutput<typeof WORKFLOW> {
  return v.parse(WORKFLOW, yamlDocuments(`${FOLDER}/${name}`)[0]);
}

function jobsOf(name: string): [string, Job][] {
  return Object.entries(parsed(name).jobs);
}

function stepsOf(name: string): Step[] {
  return jobsOf(name).flatMap(([, { steps }]) => steps);
}

describe("the workflows", () => {
  it("are the two that there should be", () => {
    assertEquals(names, ["ci.yml", "release.yml"]);
  });
});

for (const name of names) {
  (canParse ? describe : describe.skip)(`the workflow ${name}`, () => {
    it("is YAML of the right form", () => {
      parsed(name);
    });

    it("may write in no job but the one that drafts a release", () => {
      const writing = jobsOf(name)
        .filter(([, { permissions }]) => permissions?.contents === "write")
        .map(([job]) => job);
      assertEquals(writing, name === "release.yml" ? ["draft"] : []);
    });

    it("may sign in no job but the one that builds a release", () => {
      const signing = jobsOf(name).filter(([, { permissions = {} }]) =>
        "id-token" in permissions || "attestations" in permissions
      ).map(([job]) => job);
      assertEquals(signing, name === "release.yml" ? ["build"] : []);
    });

    it("waits for jobs that there are", () => {
      const jobs = jobsOf(name);
      for (const [, { needs = [] }] of jobs) {
        for (const needed of [needs].flat()) {
          assert(jobs.some(([job]) => job === needed), needed);
        }
      }
    });

    it("uses the forge's own actions and the one that brings cosign, pinned to a commit", () => {
      const text = Deno.readTextFileSync(`${FOLDER}/${name}`);
      const used = stepsOf(name).flatMap(({ uses }) => uses ? [uses] : []);
      assert(used.length > 0);
      for (const uses of used) {
        assertMatch(
          uses,
          /^(actions\/[a-z-]+|sigstore\/cosign-installer)@[0-9a-f]{40}$/,
        );
        assertMatch(text, new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+\\n`));
      }
    });

    it("keeps no credentials in its checkout", () => {
      for (const { uses, with: options } of stepsOf(name)) {
        if (!uses?.startsWith("actions/checkout@")) continue;
        assertEquals(options, { "persist-credentials": false });
      }
    });

    it("puts nothing that others can name into a script", () => {
      for (const { run = "" } of stepsOf(name)) {
        assert(!run.includes("${{"), run);
      }
    });

    it("runs scripts that a shell can read", () => {
      for (const { run = ":" } of stepsOf(name)) {
        const { success } = new Deno.Command("bash", {
          args: ["-n", "-c", run],
        }).outputSync();
        assert(success, run);
      }
    });

    it("runs tasks and programs of ours that there are", () => {
      const scripts = stepsOf(name).flatMap(({ run }) => run ? [run] : []);
      const ours = scripts.flatMap((run) => run.match(/(?<![\w/])\.ci\/\w+/g));
      for (const path of ours) {
        if (path !== null) assert(Deno.statSync(`${ROOT}/${path}`).isFile);
      }
      assert(tasksIn(scripts.join("\n")).length > 0 || ours.length > 0);
      for (const task of tasksIn(scripts.join("\n"))) assertIsTask(task);
    });

    it("runs the same Deno as .ci/run", () => {
      const versions = (text: string): string[] =>
        text.match(/deno@[\w.]+/g) ?? [];
      const [pinned] = versions(Deno.readTextFileSync(`${ROOT}/.ci/run`));
      const found = versions(Deno.readTextFileSync(`${FOLDER}/${name}`));
      assert(found.length > 0);
      assertEquals([...new Set(found)], [pinned]);
    });
  });
}

(canParse ? describe : describe.skip)("the workflow of a release", () => {
  it("starts for a tag alone", () => {
    assertEquals(parsed("release.yml").on, { push: { tags: ["v*"] } });
  });

  it("names every target, so that none can be left out", () => {
    const [, named = ""] = stepsOf("release.yml")
      .map(({ run = "" }) => run.match(/--targets ([\w,-]+)/) ?? [])
      .find((found) => found.length > 0) ?? [];
    assertEquals(named.split(","), TARGETS.map((target) => target.name));
  });

  it("never makes a trial build", () => {
    const text = Deno.readTextFileSync(`${FOLDER}/release.yml`);
    assert(!text.includes("--trial"));
  });

  it("signs what it built, before anyone gets it, as install.sh verifies it", () => {
    const steps = parsed("release.yml").jobs["build"]?.steps ?? [];
    const at = (form: RegExp): number =>
      steps.findIndex((step) =>
        form.test(`${step.uses ?? ""} ${step.run ?? ""}`)
      );
    const order = [
      /task release/,
      /^actions\/attest-build-provenance@/,
      /cosign sign-blob .* SHA256SUMS\n/,
      /^actions\/upload-artifact@/,
    ].map(at);
    assert(order.every((index) => index >= 0), `${order}`);
    assertEquals(order, order.toSorted((a, b) => a - b));
    const script = Deno.readTextFileSync(`${ROOT}/scripts/install.sh`);
    for (const name of ["SHA256SUMS.sigstore.json", "refs/tags/v"]) {
      assert(script.includes(name), name);
    }
  });

  it("drafts only what was installed on every system", () => {
    const { jobs } = parsed("release.yml");
    const others = Object.keys(jobs).filter((job) => job !== "draft");
    assertEquals([jobs["draft"]?.needs].flat().toSorted(), others.toSorted());
  });

  it("compares the tag as the version is written", () => {
    const version = Deno.readTextFileSync(`${ROOT}/src/version.ts`);
    assertMatch(version, /VERSION = "\d+\.\d+\.\d+"/);
    const run = stepsOf("release.yml").map(({ run = "" }) => run)
      .find((run) => run.startsWith("grep")) ?? "";
    const tag = (name: string): boolean =>
      new Deno.Command("bash", {
        args: ["-e", "-c", run],
        cwd: ROOT,
        env: { GITHUB_REF_NAME: name },
      }).outputSync().success;
    const [, ours = ""] = version.match(/VERSION = "(.*)"/) ?? [];
    assertEquals([tag(`v${ours}`), tag("v99.0.0"), tag("v0")], [
      true,
      false,
      false,
    ]);
  });
});

(canParse ? describe : describe.skip)("the workflow of every change", () => {
  it("takes both routes to the dependencies", () => {
    const { route } = parsed("ci.yml").jobs["linux"]?.strategy?.matrix ?? {};
    const urls = v.parse(
      v.array(v.strictObject({ name: v.string(), jsr_url: v.string() })),
      route,
    ).map(({ jsr_url }) => jsr_url);
    assertEquals(urls, ["", "http://127.0.0.1:9"]);
  });

  it("runs on Linux, macOS and Windows", () => {
    const { jobs } = parsed("ci.yml");
    const systems = [
      jobs["linux"]?.["runs-on"],
      ...jobs["others"]?.strategy?.matrix["system"] ?? [],
    ].map((system) => String(system).split("-")[0]);
    assertEquals([...new Set(systems)], ["ubuntu", "macos", "windows"]);
  });

  it("runs all tests on each", () => {
    const { jobs } = parsed("ci.yml");
    const runs = (job: string): string[] =>
      jobs[job]?.steps.map(({ run = "" }) => run) ?? [];
    assert(runs("linux").some((run) => run.includes(".ci/run")));
    assert(runs("others").some((run) => /^npx \S+ \S+ task test$/.test(run)));
  });
});

describe(".ci/run", () => {
  it("runs tasks that there are", () => {
    const text = Deno.readTextFileSync(`${ROOT}/.ci/run`);
    const tasks = tasksIn(text.replaceAll("$deno ", "deno "));
    assertEquals(tasks, ["check", "demo", "test"]);
    tasks.forEach(assertIsTask);
  });
});

/** The names in "deno@2.8.3 task check". */
function tasksIn(text: string): string[] {
  return [...text.matchAll(/\bdeno(?:@[\d.]+)? task (\S+)/g)].map((
    [, task = ""],
  ) => task);
}

function assertIsTask(task: string): void {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  assert(Object.hasOwn(tasks, task), `there is no task ${task}`);
}
