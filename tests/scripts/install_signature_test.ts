import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  type Answer,
  ARCHIVE,
  CURL,
  Downloads,
  Place,
  release,
  which,
} from "../support/install_place.ts";
import { itNeeding } from "../support/needs.ts";
import { programs } from "../support/store_files.ts";

const onPosix = Deno.build.os === "windows" ? describe.skip : describe;

const REPOSITORY = "ada.l/nano.ctl";

/** Adds a program to the PATH of a place, which writes down its arguments. */
function addTool(place: Place, name: string, script: string): void {
  Deno.writeTextFileSync(
    `${place.path}/tools/${name}`,
    `#!/bin/sh\nprintf '%s\\n' "$@" >>"${place.path}/tools/said"\n${script}\n`,
    { mode: 0o755 },
  );
}

/** The arguments of all its calls, and no trace of them afterwards. */
function said(place: Place): string[] {
  const path = `${place.path}/tools/said`;
  const text = Deno.readTextFileSync(path);
  Deno.removeSync(path);
  return text.trimEnd().split("\n");
}

onPosix("install.sh with minisign", () => {
  let folder = "";
  let publicKey = "";
  let otherKey = "";
  const missing = programs("minisign")();

  function minisign(...args: string[]): void {
    const { success, stderr } = new Deno.Command("minisign", {
      args,
      cwd: folder,
      stdin: "null",
    }).outputSync();
    assert(success, new TextDecoder().decode(stderr));
  }

  /** Makes a pair of keys without a password, and returns the public one. */
  function makeKey(name: string): string {
    minisign("-G", "-W", "-p", `${name}.pub`, "-s", `${name}.key`);
    const [, key = ""] = Deno.readTextFileSync(`${folder}/${name}.pub`)
      .split("\n");
    return key;
  }

  beforeAll(() => {
    if (missing !== undefined) return;
    folder = Deno.makeTempDirSync({ prefix: "nanoctl-minisign-" });
    publicKey = makeKey("ours");
    otherKey = makeKey("another");
  });
  afterAll(() => {
    if (folder) Deno.removeSync(folder, { recursive: true });
  });

  /** A release, signed by one of the keys. */
  async function signed(key: string): Promise<Record<string, Answer>> {
    const files = await release("0.2.0");
    await Deno.writeTextFile(`${folder}/sums`, String(files["SHA256SUMS"]));
    minisign("-S", "-s", `${key}.key`, "-m", "sums", "-x", "sums.minisig");
    return {
      ...files,
      "SHA256SUMS.minisig": await Deno.readFile(`${folder}/sums.minisig`),
    };
  }

  const machine = {
    ...CURL,
    tools: { ...CURL.tools, minisign: which("minisign") ?? "/nonexistent" },
  };

  itNeeding(missing, "installs what the key has signed", async () => {
    await using downloads = new Downloads(await signed("ours"));
    for (
      const [args, env] of [
        [["--public-key", publicKey, "--require-signature"], {}],
        [[], { NANOCTL_PUBLIC_KEY: publicKey }],
        [[`--public-key=${publicKey}`], { NANOCTL_PUBLIC_KEY: otherKey }],
      ] as const
    ) {
      using place = new Place(machine);
      const ended = await place.run(downloads.url, [...args], env);
      assertEquals([ended.code, ended.stderr], [0, ""]);
      assertStringIncludes(
        ended.stdout,
        "Checked by its sum, and that by its signature (minisign).",
      );
    }
  });

  const CHANGES: Record<
    string,
    (files: Record<string, Answer>) => Record<string, Answer>
  > = {
    "that another key has signed": (files) => files,
    "with sums that were changed afterwards": (files) => ({
      ...files,
      SHA256SUMS: `${files["SHA256SUMS"]}${"1".repeat(64)}  another-file\n`,
    }),
    "with a signature that is none": (files) => ({
      ...files,
      "SHA256SUMS.minisig": "untrusted comment: x\nRUQ=\n",
    }),
  };

  for (const [what, change] of Object.entries(CHANGES)) {
    itNeeding(missing, `installs nothing ${what}`, async () => {
      const key = what.includes("another key") ? "another" : "ours";
      await using downloads = new Downloads(change(await signed(key)));
      using place = new Place(machine);
      const { code, stderr } = await place.run(downloads.url, [
        "--public-key",
        publicKey,
      ]);
      assertEquals([code, place.news()], [1, []]);
      assertStringIncludes(
        stderr,
        `minisign finds no signature of SHA256SUMS by the key ${publicKey}\nhint: `,
      );
      assert(!downloads.asked.includes(ARCHIVE), `${downloads.asked}`);
    });
  }

  itNeeding(
    missing,
    "installs nothing whose signature is missing",
    async () => {
      await using downloads = await Downloads.of("0.2.0");
      using place = new Place(machine);
      const { code, stderr } = await place.run(downloads.url, [
        "--public-key",
        publicKey,
      ]);
      assertEquals([code, place.news()], [1, []]);
      assertStringIncludes(stderr, "/SHA256SUMS.minisig cannot be downloaded");
    },
  );
});

onPosix("install.sh with cosign", () => {
  /** As strict as the real one: only this call succeeds. */
  const COSIGN = `
[ $# = 8 ] && [ "$1 $2 $4 $6" = "verify-blob --bundle --certificate-identity-regexp --certificate-oidc-issuer" ] ||
  exit 64
grep -q '^good bundle$' "$3" && grep -q linux "$8"`;

  async function bundled(bundle: string): Promise<Downloads> {
    const files = await release("0.2.0");
    return new Downloads({ ...files, "SHA256SUMS.sigstore.json": bundle });
  }

  it("has it verify the bundle, for the workflow of releases alone", async () => {
    await using downloads = await bundled("good bundle\n");
    using place = new Place(CURL);
    addTool(place, "cosign", COSIGN);
    const { code, stdout, stderr } = await place.run(
      downloads.url,
      ["--require-signature"],
      { NANOCTL_REPOSITORY: REPOSITORY },
    );
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "by its signature (cosign).");
    const args = said(place);
    const identity = new RegExp(args[4] ?? "");
    const at =
      "https://github.com/ada.l/nano.ctl/.github/workflows/release.yml@";
    assert(identity.test(`${at}refs/tags/v0.2.0`));
    for (
      const other of [
        `${at}refs/heads/main`,
        `x${at}refs/tags/v1`,
        at.replace("ada.l", "adaxl") + "refs/tags/v1",
        at.replace("release.yml", "ci.yml") + "refs/tags/v1",
      ]
    ) assert(!identity.test(other), other);
    assertEquals(args[6], "https://token.actions.githubusercontent.com");
  });

  it("installs nothing whose bundle does not verify", async () => {
    await using downloads = await bundled("another bundle\n");
    using place = new Place(CURL);
    addTool(place, "cosign", COSIGN);
    const { code, stderr } = await place.run(downloads.url, [], {
      NANOCTL_REPOSITORY: REPOSITORY,
    });
    said(place);
    await Deno.remove(`${place.path}/tools/cosign`);
    assertEquals([code, place.news()], [1, []]);
    assertStringIncludes(
      stderr,
      `cosign finds no signature of SHA256SUMS by ${REPOSITORY}\n`,
    );
  });
});

onPosix("install.sh with gh", () => {
  const RESULT = '[{"verificationResult":{}}]';
  /** Answers --help, and then as told; the old gh of Debian 12 has no attestations. */
  const gh = (then: string): string => `
[ "$1 $2" = "attestation verify" ] || exit 64
[ "$3" != --help ] || exit 0
[ $# = 9 ] && [ "$4 $6 $8" = "--repo --signer-workflow --format" ] || exit 64
${then}`;

  interface Case {
    script: string;
    code: number;
    says: string;
    required?: boolean;
  }

  const CASES: Record<string, Case> = {
    "an attestation": {
      script: gh(`echo '${RESULT}'`),
      code: 0,
      says: "by its signature (gh).",
      required: true,
    },
    "an attestation that does not verify": {
      script: gh("exit 1"),
      code: 1,
      says: `gh finds no signature of SHA256SUMS by ${REPOSITORY}\n`,
    },
    "a gh that finds none and ends with 0": {
      script: gh(":"),
      code: 1,
      says: `gh finds no signature of SHA256SUMS by ${REPOSITORY}\n`,
    },
    "a gh that is not logged in": {
      script: gh("exit 4"),
      code: 0,
      says: "Checked by its sum only: gh is not logged in.",
    },
    "a gh that is not logged in, and no way out": {
      script: gh("exit 4"),
      code: 1,
      says: "no signature was verified: gh is not logged in\n",
      required: true,
    },
    "a gh without attestations": {
      script: "exit 1",
      code: 0,
      says: "sum only: there is no minisign, cosign or gh that can check one.",
    },
  };

  for (
    const [what, { script, code, says, required }] of Object.entries(CASES)
  ) {
    it(`ends with ${code} for ${what}`, async () => {
      await using downloads = await Downloads.of("0.2.0");
      using place = new Place(CURL);
      addTool(place, "gh", script);
      const ended = await place.run(
        downloads.url,
        required ? ["--require-signature"] : [],
        { NANOCTL_REPOSITORY: REPOSITORY },
      );
      assertEquals(ended.code, code, ended.stderr);
      assertStringIncludes(ended.stdout + ended.stderr, says);
      const args = said(place);
      if (!script.includes("--signer-workflow")) return;
      assertEquals(args.slice(-6, -1), [
        "--repo",
        REPOSITORY,
        "--signer-workflow",
        `${REPOSITORY}/.github/workflows/release.yml`,
        "--format",
      ]);
    });
  }
});

onPosix("install.sh without a signature", () => {
  it("says so, and installs nothing if one is required", async () => {
    await using downloads = await Downloads.of("0.2.0");
    using place = new Place(CURL);
    const { code, stderr } = await place.run(downloads.url, [
      "--require-signature",
    ]);
    assertEquals([code, place.news()], [1, []]);
    assertStringIncludes(
      stderr,
      "no signature was verified: it is not known who signs\n",
    );
    assert(!downloads.asked.includes(ARCHIVE));
  });

  const WRONG: [args: string[], env: Record<string, string>, says: string][] = [
    [["--public-key", "-x"], {}, "-x is no key of minisign"],
    [["--public-key"], {}, "--public-key wants a value"],
    [[], { NANOCTL_REPOSITORY: "nanoctl" }, "nanoctl is no repository"],
    [[], { NANOCTL_REPOSITORY: "a/b/c" }, "a/b/c is no repository"],
    [[], { NANOCTL_REPOSITORY: "a/b|c" }, "a/b|c is no repository"],
  ];

  for (const [args, env, says] of WRONG) {
    it(`refuses what is malformed: ${says}`, async () => {
      await using downloads = await Downloads.of("0.2.0");
      using place = new Place(CURL);
      const { code, stderr } = await place.run(downloads.url, args, env);
      assertEquals([code, place.news(), downloads.asked], [2, [], []]);
      assertStringIncludes(stderr, says);
    });
  }
});
