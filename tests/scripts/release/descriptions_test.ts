import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { TARGETS } from "../../../scripts/release/plan.ts";
import { highest, needsOf } from "../../../scripts/release/symbol_versions.ts";
import { formula } from "../../../scripts/release/homebrew.ts";
import { makeDescriptions } from "../../../scripts/release/packages.ts";
import { PRODUCT } from "../../../scripts/release/product.ts";
import { filledIn } from "../../../scripts/release/installers.ts";
import { publisherOf } from "../../../scripts/release/publisher.ts";
import { type Located, scoopManifest } from "../../../scripts/release/scoop.ts";
import { COMMANDS } from "../../../src/cli/command_line/table.ts";
import { BINARY } from "../../support/nanoctl.ts";
import { itNeeding } from "../../support/needs.ts";
import { programs } from "../../support/store_files.ts";

/** Looks a variable up in these. */
const read = (values: Record<string, string>) => (name: string) => values[name];

const ROOT = fromFileUrl(import.meta.resolve("../../..")).replace(/\/$/, "");
const URL = "https://releases.example.com/v1.2.3";

/** A release with an archive for every target, and a sum that tells them apart. */
const RELEASE: Located = {
  version: "1.2.3",
  url: URL,
  homepage: "https://nano.example.com",
  sums: TARGETS.map(({ name }, index) => ({
    name: `nanoctl-1.2.3-${name}.${
      name.startsWith("windows") ? "zip" : "tar.gz"
    }`,
    sha256: String(index).repeat(64),
  })),
};

/** As strict as Homebrew's: what a formula may say, and that a system gets one archive. */
const HOMEBREW = `
require "json"
class Formula
  class << self
    attr_reader :said, :tests
    def inherited(sub) = sub.instance_variable_set(:@said, {})
    %w[desc homepage version license url sha256].each do |word|
      define_method(word) do |value|
        raise "#{word} twice" if @said.key?(word)
        raise "#{word} is no text" unless value.is_a?(String) && !value.empty?
        @said[word] = value
      end
    end
    { on_macos: "macos", on_linux: "linux", on_arm: "arm64", on_intel: "x64" }.each do |word, here|
      define_method(word) { |&block| block.call if ARGV[1].split("-").include?(here) }
    end
    def test(&block) = @tests = block
  end
  Folder = Struct.new(:path) do
    def install(*files)
      files.flatten.each { |file| raise "no #{file}" unless File.file?(file) }
      raise "nothing for #{path}" if files.flatten.empty?
      RECORD[path] = files.flatten.sort
    end
    def /(name) = "#{path}/#{name}"
    def to_s = path
  end
  RECORD = {}
  def bin = Folder.new("bin")
  def man1 = Folder.new("man1")
  def version = self.class.said["version"]
  def generate_completions_from_executable(*words) = RECORD["completions"] = words
  def shell_output(line) = RECORD["test"] = line
  def assert_match(expected, _) = RECORD["version"] = expected
end
load ARGV[0]
made = Nanoctl.new
made.install
made.instance_eval(&Nanoctl.tests)
puts JSON.generate(Nanoctl.said.merge("record" => Formula::RECORD))
`;

const FORMULA = v.strictObject({
  desc: v.pipe(
    v.string(),
    v.maxLength(80),
    v.regex(/^(?!nanoctl|an? |the )[A-Z].*[^.]$/i),
  ),
  homepage: v.pipe(v.string(), v.url()),
  version: v.string(),
  license: v.literal("MIT"),
  url: v.pipe(v.string(), v.url()),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  record: v.unknown(),
});

/** What of Scoop's schema.json a manifest of ours may have; it allows no other property. */
const MANIFEST = v.strictObject({
  version: v.pipe(v.string(), v.regex(/^[\w.+_-]+$/)),
  description: v.string(),
  homepage: v.pipe(v.string(), v.url()),
  license: v.literal("MIT"),
  architecture: v.strictObject({
    "64bit": v.strictObject({
      url: v.pipe(v.string(), v.url(), v.regex(/^[^$]*$/)),
      hash: v.pipe(v.string(), v.regex(/^[a-fA-F0-9]{64}$/)),
      extract_dir: v.string(),
    }),
  }),
  bin: v.string(),
});

describe("the formula of Homebrew", () => {
  async function evaluated(
    target: string,
  ): Promise<v.InferOutput<typeof FORMULA>> {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-formula-" });
    await Deno.writeTextFile(`${folder}/nanoctl.rb`, formula(RELEASE) ?? "");
    await Deno.writeTextFile(`${folder}/homebrew.rb`, HOMEBREW);
    await Deno.writeTextFile(`${folder}/nanoctl`, "");
    await Deno.mkdir(`${folder}/docs/man`, { recursive: true });
    await Deno.writeTextFile(`${folder}/docs/man/nanoctl.1`, "");
    const { success, stdout, stderr } = await new Deno.Command("ruby", {
      args: ["-W:all", "homebrew.rb", "./nanoctl.rb", target],
      cwd: folder,
    }).output();
    await Deno.remove(folder, { recursive: true });
    const [said, complaint] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    assert(success, complaint);
    return v.parse(FORMULA, JSON.parse(said ?? ""));
  }

  for (const { name } of TARGETS) {
    if (name.startsWith("windows")) continue;
    itNeeding(programs("ruby")(), `has the archive for ${name}`, async () => {
      const { url, sha256, record } = await evaluated(name);
      const archive = `nanoctl-1.2.3-${name}.tar.gz`;
      const sum = RELEASE.sums.find(({ name }) => name === archive)?.sha256;
      assertEquals([url, sha256], [`${URL}/${archive}`, sum]);
      assertEquals(record, {
        bin: ["nanoctl"],
        man1: ["docs/man/nanoctl.1"],
        completions: ["bin/nanoctl", "completions"],
        test: "bin/nanoctl --version",
        version: "1.2.3",
      });
    });
  }

  it("leaves out what the release has not", () => {
    const sums = RELEASE.sums.filter(({ name }) => name.includes("linux-x64"));
    const text = formula({ ...RELEASE, sums }) ?? "";
    assertStringIncludes(text, "  on_linux do\n    on_intel do\n      url ");
    assert(!/on_macos|on_arm/.test(text), text);
    assertEquals(formula({ ...RELEASE, sums: [] }), undefined);
  });
});

describe("the manifest of Scoop", () => {
  it("has the archive for Windows, in the form of its schema", () => {
    const manifest = v.parse(
      MANIFEST,
      JSON.parse(scoopManifest(RELEASE) ?? ""),
    );
    const { url, hash, extract_dir } = manifest.architecture["64bit"];
    assertEquals(url, `${URL}/nanoctl-1.2.3-windows-x64.zip`);
    assertEquals(
      hash,
      RELEASE.sums.find(({ name }) => name.endsWith(".zip"))?.sha256,
    );
    assertEquals([extract_dir, manifest.bin], [
      "nanoctl-1.2.3-windows-x64",
      "nanoctl.exe",
    ]);
  });

  it("is not made where there is no such archive", () => {
    assertEquals(scoopManifest({ ...RELEASE, sums: [] }), undefined);
  });
});

describe("the description of the product", () => {
  it("names a command that there is, and a summary that every package takes", () => {
    assert(Object.hasOwn(COMMANDS, PRODUCT.completions[0]));
    assertMatch(PRODUCT.summary, /^[A-Z][\w ]{20,78}\w$/);
  });
});

describe("the publisher", () => {
  it("is on loopback for a trial, and nowhere for a release, until it is named", () => {
    assertEquals(
      publisherOf(read({}), "1.2.3", true).url,
      "http://127.0.0.1:8000",
    );
    const nobody = publisherOf(read({}), "1.2.3", false);
    assertEquals(nobody.url, undefined);
    assertEquals(makeDescriptions("1.2.3", nobody, RELEASE.sums).size, 0);
    const named = publisherOf(
      read({
        NANOCTL_DOWNLOAD_URL: "https://releases.example.com/v{version}/",
      }),
      "1.2.3",
      false,
    );
    assertEquals(named.url, URL);
    const made = makeDescriptions("1.2.3", named, RELEASE.sums);
    assertEquals([...made.keys()], ["nanoctl.rb", "nanoctl.json"]);
  });

  const MALFORMED: Record<string, string[]> = {
    NANOCTL_DOWNLOAD_URL: [
      "releases",
      'https://x.example/"; rm',
      "https://x.example/$(id)",
    ],
    NANOCTL_HOMEPAGE: ["javascript:x", "https://x.example/#{x}"],
    NANOCTL_MAINTAINER: ["ada", "ada <ada@x.example>\nDepends: x"],
    NANOCTL_REPOSITORY: ["nanoctl", "a/b/c", "a/b'"],
    NANOCTL_PUBLIC_KEY: ["RW", `${"A".repeat(55)}'`],
  };

  for (const [name, values] of Object.entries(MALFORMED)) {
    it(`is refused with a malformed ${name}`, () => {
      for (const value of values) {
        const error = assertThrows(() =>
          publisherOf(read({ [name]: value }), "1.2.3", false)
        );
        assertStringIncludes(String(error), `${name} is not what it should be`);
      }
    });
  }
});

describe("an install script", () => {
  const publisher = publisherOf(
    read({
      NANOCTL_DOWNLOAD_URL: URL,
      NANOCTL_REPOSITORY: "ada/nanoctl",
      NANOCTL_PUBLIC_KEY: `RW${"+/aB".repeat(13)}c0`,
    }),
    "1.2.3",
    false,
  );
  const script = (name: string): string =>
    Deno.readTextFileSync(`${ROOT}/scripts/${name}`);

  for (
    const [name, quote] of [["install.sh", ""], ["install.ps1", "'"]] as const
  ) {
    it(`knows the publisher of its release: ${name}`, () => {
      const text = filledIn(script(name), publisher);
      for (const value of [URL, "ada/nanoctl", publisher.publicKey]) {
        const lines = text.split("\n").filter((line) =>
          line.endsWith(`${value}${quote}`)
        );
        assertEquals(lines.length, 1, `${value}`);
      }
      const nobody = publisherOf(read({}), "1.2.3", false);
      assertEquals(filledIn(script(name), nobody), script(name));
    });
  }

  it("is no script without a place for it", () => {
    const error = assertThrows(() => filledIn("#!/bin/sh\n", publisher));
    assertStringIncludes(String(error), "has no default for url");
  });
});

describe("what a Linux program needs", () => {
  const isLinux = Deno.build.os === "linux" ? it : it.skip;

  isLinux("is what objdump finds in it", async () => {
    const needs = needsOf(await Deno.readFile(BINARY));
    const { stdout } = await new Deno.Command("objdump", {
      args: ["-p", BINARY],
    }).output();
    const [, references = ""] = new TextDecoder().decode(stdout)
      .split("Version References:");
    const expected = [...references.matchAll(/required from (\S+):/g)]
      .map(([, library]) => library);
    assertEquals([...needs.keys()].sort(), expected.sort());
    const versions = [...references.matchAll(/ ([A-Z]+_[\d.]+)$/gm)]
      .map(([, version]) => version);
    assert(versions.length > 5, references);
    assertEquals([...needs.values()].flat().sort(), versions.sort());
  });

  it("is compared by numbers", () => {
    const needs = new Map([["libc.so.6", [
      "GLIBC_2.9",
      "GLIBC_2.27",
      "GLIBC_2.3.4",
    ]]]);
    assertEquals(highest(needs, "GLIBC_"), "2.27");
    assertEquals(highest(needs, "GCC_"), undefined);
  });

  it("is not read from what is no such file", () => {
    assertThrows(
      () => needsOf(new TextEncoder().encode("#!/bin/sh\n")),
      RangeError,
    );
  });
});
