import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { validate } from "dockerfile-utils";
import { VERSION } from "../../src/version.ts";
import { REFERENCES } from "../support/base_images.ts";
import { buildImage, parseDockerfile } from "../support/dockerfile.ts";
import { dockerfileOf, imageNames } from "../support/image_place.ts";
import { Child } from "../support/nanoctl.ts";
import { itNeeding } from "../support/needs.ts";
import { PATH, programs } from "../support/store_files.ts";

const FOLDER = new URL("../../docs/containers/", import.meta.url);
const COMPOSE = Deno.readTextFileSync(new URL("compose.yaml", FOLDER));

/** What breaks our own rules in a Dockerfile, beside what the linter finds. */
function faults(text: string): string[] {
  const found = validate(text).map(({ message }) => `${message}`);
  const instructions = parseDockerfile(text);
  const of = (name: string): string[] =>
    instructions.filter((one) => one.name === name).map((one) => one.text);
  for (const reference of of("FROM")) {
    const [base = ""] = reference.split(" ");
    if (base !== "scratch" && !/:(?!latest$)[\w.-]+$/.test(base)) {
      found.push(`no version: ${base}`);
    }
  }
  const last = instructions.findLastIndex(({ name }) => name === "FROM");
  const user = instructions.slice(last).filter(({ name }) => name === "USER");
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user.at(-1)?.text ?? "")) {
    found.push("root may run it");
  }
  if (!of("ENTRYPOINT").every((text) => text.startsWith('["/'))) {
    found.push("a shell is to start it, and most bases have none");
  }
  for (const text of [...of("ARG"), ...of("ENV"), ...of("RUN")]) {
    if (/token|secret|password|_key/i.test(text)) found.push(`secret: ${text}`);
  }
  if (!of("RUN").some((text) => text.startsWith("sha256sum --check "))) {
    found.push("no sum is checked");
  }
  return found;
}

/** Runs `docker-compose config` where the file is in its place in a clone. */
async function checkCompose(text: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl-compose-" });
  const place = join(folder, "docs/containers");
  await Deno.mkdir(join(place, "scratch"), { recursive: true });
  await Deno.mkdir(join(folder, "dist/release"), { recursive: true });
  await Deno.writeTextFile(join(place, "compose.yaml"), text);
  const { code, stdout, stderr } = await new Child("docker-compose", [
    "--file",
    join(place, "compose.yaml"),
    "config",
  ], { env: { PATH, HOME: folder } }).end();
  await Deno.remove(folder, { recursive: true });
  assertEquals(code, 0, stderr);
  return stdout;
}

describe("the Dockerfiles", () => {
  it("are for each base that there is a stand-in for", () => {
    const bases = imageNames().map((name) =>
      parseDockerfile(dockerfileOf(name)).findLast(({ name }) =>
        name === "FROM"
      )?.text
    );
    assertEquals(bases.toSorted(), REFERENCES.toSorted());
  });

  for (const name of imageNames()) {
    it(`have no fault that a linter or a rule of ours finds: ${name}`, () => {
      assertEquals(faults(dockerfileOf(name)), []);
      const version = parseDockerfile(dockerfileOf(name)).find(({ text }) =>
        text.startsWith("VERSION=")
      );
      assertEquals(version?.text, `VERSION=${VERSION}`);
    });
  }

  const text = dockerfileOf("alpine");
  const WRONG: [what: string, changed: string][] = [
    ["a flag that there is not", text.replace("--from=", "--form=")],
    ["an instruction that there is not", text.replace("USER ", "USERS ")],
    ["an entry point for a shell", text.replace(/\["(.*)"\]/, "$1")],
    ["no user", text.replace(/^USER.*\n/m, "")],
    ["root", text.replace(/^USER.*$/m, "USER 0:0")],
    ["a base without a version", text.replace("alpine:3.22.1", "alpine")],
    ["the latest base", text.replace("alpine:3.22.1", "alpine:latest")],
    ["a secret", text.replace("ARG TARGET", "ARG TOKEN=x\nARG TARGET")],
    ["a download as it is", text.replace(/sha256sum.*\n +&& /, "")],
  ];
  for (const [what, changed] of WRONG) {
    it(`would be seen to have ${what}`, () => {
      assert(changed !== text);
      assert(faults(changed).length > 0);
    });
  }

  const UNKNOWN: [what: string, text: string][] = [
    ["an instruction", "FROM scratch\nHEALTHCHECK NONE\n"],
    ["a flag", "FROM scratch\nCOPY --chown=1:1 a /\n"],
    ["a stage", "FROM scratch\nCOPY --from=other a /\n"],
    ["a variable", "FROM scratch\nUSER ${NAME}\n"],
    ["a base", "FROM alpine:1\n"],
    ["nothing", "\n"],
  ];
  for (const [what, text] of UNKNOWN) {
    it(`are followed by what refuses ${what} that it does not know`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "nanoctl-refused-" });
      const base = (reference: string): Promise<void> =>
        reference === "scratch"
          ? Promise.resolve()
          : Promise.reject(new Error("there is no such base"));
      const build = { context: folder, args: {}, base, folder };
      await assertRejects(() => buildImage(text, build), Error);
      await Deno.remove(folder, { recursive: true });
    });
  }

  it("are read line by line", () => {
    assertEquals(
      parseDockerfile("# why\nENV A=1 \\\n    B=2\nCOPY --from=x /a/ /\n"),
      [
        { name: "ENV", flags: {}, text: "A=1 B=2" },
        { name: "COPY", flags: { from: "x" }, text: "/a/ /" },
      ],
    );
    assertThrows(() => parseDockerfile("env A=1\n"), Error);
  });
});

// Debian's docker-compose, on the machine that .ci/run prepares.
const onLinux = Deno.build.os === "linux" ? describe : describe.skip;

onLinux("compose.yaml", () => {
  itNeeding(
    programs("docker-compose")(),
    "is what docker-compose knows, with the strictest options",
    async () => {
      const config = await checkCompose(COMPOSE);
      for (
        const line of [
          "read_only: true",
          "cap_drop:\n    - ALL",
          "- no-new-privileges:true",
          "user: 65532:65532",
          `image: nanoctl:${VERSION}`,
        ]
      ) assert(config.includes(line), `${line}\n${config}`);
      const misspelt = COMPOSE.replace("read_only", "readonly");
      await assertRejects(() => checkCompose(misspelt));
    },
  );
});
