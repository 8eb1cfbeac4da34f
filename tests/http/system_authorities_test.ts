import { assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { systemAuthorities } from "../../src/http/tls/system_authorities.ts";
import type { SystemAuthorities } from "../../src/http/tls/system_authorities.ts";
import { makeCertificate } from "../support/certificate_maker.ts";
import {
  FakeContext,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

const pem: Record<string, string> = {};

describe("the authorities of the system", () => {
  beforeAll(async () => {
    for (const name of ["bundled", "single", "other"]) {
      const made = await makeCertificate({ subject: name, authority: true });
      pem[name] = made.cert;
    }
    const old = await makeCertificate({
      subject: "old",
      authority: true,
      sinceDays: 9,
      forDays: -1,
    });
    pem.old = old.cert;
  });

  /** A machine with a bundle, a folder of single files, and these variables. */
  async function found(
    variables: (home: TemporaryHome) => Record<string, string>,
    { os = "linux", bundle = true } = {},
  ): Promise<string> {
    await using home = await TemporaryHome.make();
    await home.write("bundle.pem", `# all\n${pem.bundled}\n`);
    await Deno.mkdir(`${home.path}/folder/below`, { recursive: true });
    await home.write("folder/single.pem", `${pem.single}`);
    await home.write("folder/1a2b3c4d.0", `${pem.single}`);
    await home.write("folder/README", "no certificate");
    await home.write("other.pem", `${pem.other}\n${pem.old}`);
    await home.write("bad.pem", broken());
    const context = new FakeContext({ env: variables(home), os });
    context.time = new Date();
    const authorities = await systemAuthorities(context, {
      bundles: bundle ? [`${home.path}/none`, `${home.path}/bundle.pem`] : [],
      folders: [`${home.path}/folder`],
    });
    authorities.check();
    return named(authorities);
  }

  function broken(): string {
    return `${pem.other}`.replace(/^M/m, "*");
  }

  function named(
    { certificates, expired, byRuntime }: SystemAuthorities,
  ): string {
    const nameOf = (cert: string): string =>
      Object.keys(pem).find((name) => pem[name]?.trim() === cert) ?? "unknown";
    return [
      ...certificates.map(nameOf),
      ...expired.map((cert) => `expired ${nameOf(cert)}`),
      ...byRuntime ? ["the runtime's"] : [],
    ].join();
  }

  const cases: [
    what: string,
    variables: (home: TemporaryHome) => Record<string, string>,
    found: string,
    machine?: { os?: string; bundle?: boolean },
  ][] = [
    ["are those of the first file that is there", () => ({}), "bundled"],
    [
      "are those of the folder where there is no such file, each once",
      () => ({}),
      "single",
      { bundle: false },
    ],
    [
      "come besides those of SSL_CERT_FILE",
      (home) => ({ SSL_CERT_FILE: `${home.path}/other.pem` }),
      "other,bundled,expired old",
    ],
    [
      "come besides those of SSL_CERT_DIR",
      (home) => ({ SSL_CERT_DIR: `/none:${home.path}/folder:` }),
      "single,bundled",
    ],
    [
      "are replaced by both together",
      (home) => ({
        SSL_CERT_FILE: `${home.path}/other.pem`,
        SSL_CERT_DIR: `${home.path}/folder`,
      }),
      "other,single,expired old",
    ],
    [
      "are not asked for by a variable that is empty",
      () => ({ SSL_CERT_FILE: "", SSL_CERT_DIR: "", DENO_TLS_CA_STORE: "" }),
      "bundled",
    ],
    [
      "are left to the runtime that is told of a store",
      (home) => ({
        DENO_TLS_CA_STORE: "mozilla",
        SSL_CERT_DIR: `${home.path}/folder`,
      }),
      "single",
    ],
    ["are the runtime's to read on macOS", () => ({}), "the runtime's", {
      os: "darwin",
    }],
    [
      "are the runtime's to read on Windows, besides those of the variables",
      (home) => ({ SSL_CERT_DIR: `C:\\none;${home.path}/folder` }),
      "single,the runtime's",
      { os: "windows" },
    ],
  ];
  for (const [what, variables, expected, machine] of cases) {
    it(what, async () => {
      assertEquals(await found(variables, machine), expected);
    });
  }

  const refused: [what: string, name: string, why: string][] = [
    ["is not there", "none", "there is no such file"],
    ["is a folder", "folder", "it can't be read"],
    ["holds none", "folder/README", "it holds no PEM certificate"],
    ["is malformed", "bad.pem", "the certificates in it are malformed"],
  ];
  for (const [what, name, why] of refused) {
    it(`are refused where SSL_CERT_FILE ${what}`, async () => {
      let path = "";
      const error = await rejectionOf(found((home) => {
        path = `${home.path}/${name}`;
        return { SSL_CERT_FILE: path };
      }));
      assertEquals(
        [error.code, error.message],
        ["usage", `SSL_CERT_FILE names ${path}, which can't be used: ${why}`],
      );
    });
  }
});
