import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Made, makeCertificate } from "../support/certificate_maker.ts";
import { AZURE_SIGNATURE } from "../support/metadata_services.ts";
import {
  assertFails,
  BINARY,
  Home,
  NO_METADATA,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { NAME, NameProxy } from "../support/proxies.ts";
import { me, StrangeServer } from "../support/servers.ts";
import { IS_ROOT } from "../support/store_files.ts";

const TOKEN = "nano_FORTRUSTEDONLY";
const SESSION = "nano_SESSIONOFINSTANCE";
const CI = Deno.env.get("CI") === "true";
const IS_LINUX_ROOT = IS_ROOT && Deno.build.os === "linux";

describe("an authority that is installed on the machine", () => {
  let home: Home;
  let root: Made;
  let expired: Made;
  let service: StrangeServer;
  let url: string;

  beforeAll(async () => {
    home = new Home();
    const authority = { names: [], authority: true };
    root = await makeCertificate({ ...authority, subject: "Corp Root" });
    expired = await makeCertificate({
      ...authority,
      subject: "Old Root",
      forDays: -1,
    });
    ({ service, url } = await serve(root));
    folder("corp", { "corp.crt": root.cert });
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  /** A service whose certificate this authority signed, for localhost and the proxies' name. */
  async function serve(
    issuer: Made,
    forDays = 1,
  ): Promise<{ service: StrangeServer; url: string }> {
    const names = ["localhost", NAME];
    const { cert, key } = await makeCertificate({ names, issuer, forDays });
    const service = new StrangeServer(answer, { cert, key });
    return { service, url: service.url.replace("127.0.0.1", "localhost") };
  }

  function answer({ url }: { url: URL }): Response {
    switch (url.pathname) {
      case "/metadata/attested/document":
        return Response.json({ signature: AZURE_SIGNATURE, encoding: "pkcs7" });
      case "/v1/agents/azure-instance-identity":
        return Response.json({ session_token: SESSION, expires_at: null });
      default:
        return me();
    }
  }

  function folder(name: string, files: Record<string, string>): string {
    Deno.mkdirSync(home.at(name), { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      Deno.writeTextFileSync(home.at(`${name}/${file}`), text);
    }
    return home.at(name);
  }

  function whoami(
    at: string,
    env: Record<string, string>,
    ...args: string[]
  ): Promise<Result> {
    return run(["whoami", "--token", TOKEN, "--url", at, ...args], { env });
  }

  async function assertTrusted(
    env: Record<string, string>,
    ...args: string[]
  ): Promise<void> {
    assertEquals(
      await whoami(url, env, ...args),
      { code: 0, stdout: "mallory\n", stderr: "" },
    );
  }

  async function assertRefused(
    env: Record<string, string>,
    expected: { exit: number; code: string; message: RegExp; hint: RegExp },
    at = url,
  ): Promise<void> {
    const args = ["whoami", "--token", TOKEN, "--url", at];
    await assertFails(args, { env }, { ...expected, secret: TOKEN });
  }

  const untrusted = {
    exit: 5,
    code: "network_tls",
    message:
      /: its certificate was issued by Corp Root, which this machine does not trust$/,
    hint: /--ca-file or NANOCTL_CA_FILE$/,
  };

  it("is not trusted while it is not", async () => {
    const before = service.caught.length;
    await assertRefused({}, untrusted);
    await assertRefused({ SSL_CERT_DIR: home.at("none") }, untrusted);
    assertEquals(service.caught.length, before);
  });

  it("is trusted in a folder that SSL_CERT_DIR names, whatever the file is called", async () => {
    await assertTrusted({ SSL_CERT_DIR: home.at("corp") });
    await assertTrusted({
      SSL_CERT_DIR: `${home.at("none")}:${home.at("corp")}`,
    });
    const hashed = folder("hashed", { "5ed36f99.0": root.cert, "x": "words" });
    await assertTrusted({ SSL_CERT_DIR: hashed });
  });

  it("is trusted in the file that SSL_CERT_FILE names", async () => {
    await assertTrusted({ SSL_CERT_FILE: home.at("corp/corp.crt") });
    const others = folder("others", { "a.pem": expired.cert });
    await assertTrusted({
      SSL_CERT_FILE: home.at("corp/corp.crt"),
      SSL_CERT_DIR: others,
    });
  });

  it("is trusted beside what --ca-file names, and that beside it", async () => {
    const other = await makeCertificate({ names: [], authority: true });
    const file = `${folder("given", { "ca.pem": other.cert })}/ca.pem`;
    await assertTrusted({ SSL_CERT_DIR: home.at("corp") }, "--ca-file", file);
    const { service, url } = await serve(other);
    await using _ = service;
    const both = await whoami(
      url,
      { SSL_CERT_DIR: home.at("corp"), NANOCTL_CA_FILE: file },
    );
    assertEquals(both.stdout, "mallory\n", both.stderr);
  });

  it("is trusted where another file beside it can't be read by the runtime", async () => {
    const bad = root.cert.replace(/^M/m, "*");
    const mixed = folder("mixed", { "a.pem": bad, "b.pem": root.cert });
    await assertTrusted({ SSL_CERT_DIR: mixed });
    const file = `${folder("bundle", { "all.pem": bad + root.cert })}/all.pem`;
    await assertTrusted({ SSL_CERT_FILE: file });
  });

  it("is trusted by `api`, in a login and for the request of an instance's identity", async () => {
    const env = { SSL_CERT_DIR: home.at("corp"), NANOSERVICES_URL: url };
    const api = await run(["api", "/v1/me", "--token", TOKEN], { env });
    assertEquals([api.code, api.stderr], [0, ""]);
    const login = await run(["login"], {
      env: { ...env, NANOSERVICES_TOKEN: TOKEN },
    });
    assertEquals([login.code, login.stderr], [0, ""]);
    const agent = await run(
      ["api", "/v1/me", "--auth", "azure-instance-identity"],
      { env: { ...env, ...NO_METADATA, AZURE_METADATA_ENDPOINT: url } },
    );
    assertEquals([agent.code, agent.stderr], [0, ""]);
    assertEquals(
      service.caught.slice(-3).map(({ url }) => url.pathname),
      [
        "/metadata/attested/document",
        "/v1/agents/azure-instance-identity",
        "/v1/me",
      ],
    );
  });

  it("is trusted through a proxy, with and without a user name", async () => {
    for (const credentials of [undefined, "me:hunter2"]) {
      await using proxy = new NameProxy(
        service.url,
        credentials === undefined ? {} : { credentials },
      );
      const env = { HTTPS_PROXY: proxy.url(credentials) };
      const trusting = { ...env, SSL_CERT_DIR: home.at("corp") };
      const { stdout, stderr } = await whoami(`https://${NAME}`, trusting);
      assertEquals([stdout, stderr], ["mallory\n", ""]);
      // Nobody looks at the certificate a second time by way of a proxy.
      await assertRefused(env, {
        ...untrusted,
        message: /: its certificate is not signed by an authority that/,
      }, `https://${NAME}`);
    }
  });

  it("does not make good what has expired", async () => {
    const old = await serve(root, -1);
    await using _ = old.service;
    const env = { SSL_CERT_DIR: home.at("corp") };
    await assertRefused(env, {
      exit: 5,
      code: "network_tls",
      message: /: its certificate has expired$/,
      hint: /renew/,
    }, old.url);
  });

  it("is trusted no more once it has expired, and the error says so", async () => {
    const old = await serve(expired);
    await using _ = old.service;
    const env = { SSL_CERT_DIR: folder("old", { "a.pem": expired.cert }) };
    await assertRefused(env, {
      exit: 5,
      code: "network_tls",
      message:
        /issued by Old Root, whose own certificate on this machine has expired$/,
      hint:
        /install the authority's new certificate; check this machine's clock/,
    }, old.url);
    const args = ["whoami", "--token", TOKEN, "--url", old.url, "--ca-file"];
    await assertFails([...args, home.at("old/a.pem")], {}, {
      exit: 2,
      code: "usage",
      message: /what it holds has expired$/,
      hint: /--ca-file/,
      secret: TOKEN,
    });
    assertEquals(old.service.caught, []);
  });

  const unusable: [what: string, path: () => string, why: RegExp][] = [
    ["is missing", () => home.at("none"), /there is no such file$/],
    ["is a folder", () => home.path, /it can't be read$/],
    ["has no end", () => "/dev/zero", /it is longer than 10 MiB$/],
    [
      "holds no certificate",
      () => `${folder("words", { "a.pem": "words" })}/a.pem`,
      /it holds no PEM certificate$/,
    ],
    [
      "is malformed",
      () => {
        const bad = root.cert.replace(/^M/m, "*");
        return `${folder("bad", { "a.pem": bad })}/a.pem`;
      },
      /the certificates in it are malformed$/,
    ],
  ];
  for (const [what, path, why] of unusable) {
    it(`is asked for where SSL_CERT_FILE ${what}`, async () => {
      const SSL_CERT_FILE = path();
      const before = service.caught.length;
      await assertRefused({ SSL_CERT_FILE }, {
        exit: 2,
        code: "usage",
        message: why,
        hint: /set it to a file with certificates in PEM form, or unset it$/,
      });
      const { stderr } = await whoami(url, { SSL_CERT_FILE });
      assert(stderr.includes(`SSL_CERT_FILE names ${SSL_CERT_FILE}, which`));
      assertEquals(service.caught.length, before);
    });
  }

  it("is not looked for where no TLS is spoken", async () => {
    await using plain = new StrangeServer(() => me());
    const env = { SSL_CERT_FILE: home.at("none") };
    const { code, stderr } = await whoami(plain.url, env);
    assertEquals([code, stderr], [0, ""]);
    for (const args of [["status"], ["token", "--token", TOKEN]]) {
      assertEquals((await run(args, { env, home })).code, 0);
    }
  });

  it("leaves the runtime's own variables in force", async () => {
    await assertTrusted({ DENO_CERT: home.at("corp/corp.crt") });
    await assertTrusted({
      DENO_TLS_CA_STORE: "system",
      SSL_CERT_FILE: home.at("corp/corp.crt"),
    });
    const wrong: [Record<string, string>, RegExp][] = [
      [{ DENO_TLS_CA_STORE: "keychain" }, /that DENO_TLS_CA_STORE names/],
      [{ DENO_CERT: home.at("none") }, /that DENO_CERT names/],
    ];
    for (const [env, message] of wrong) {
      await assertRefused(env, {
        exit: 2,
        code: "usage",
        message,
        hint: /, or unset it$/,
      });
    }
  });

  it("changes nothing in the environment of a program that exec runs", async () => {
    const args = ["exec", "--token", TOKEN, "--", "env"];
    const { stdout } = await run(args, { env: { PATH: "/usr/bin:/bin" } });
    assert(!/^(DENO_|SSL_)/m.test(stdout), stdout);
  });

  // It changes the machine, so a developer's is left alone.
  const inStore = CI && IS_LINUX_ROOT ? it : it.skip;
  inStore("is trusted in the system's own store", async () => {
    const path = "/usr/local/share/ca-certificates/nanoctl-test.crt";
    await assertRefused({}, untrusted);
    try {
      await Deno.writeTextFile(path, root.cert);
      await update();
      await assertTrusted({});
    } finally {
      await Deno.remove(path);
      await update();
    }
    await assertRefused({}, untrusted);
  });

  async function update(): Promise<void> {
    const { success } = await new Deno.Command("update-ca-certificates", {
      args: ["--fresh"],
      stdout: "null",
      stderr: "null",
    }).output();
    assert(success, "update-ca-certificates failed");
  }

  const inImage = IS_LINUX_ROOT ? it : it.skip;
  inImage("is not missed in an image that has no store at all", async () => {
    // A mount of its own hides the store; the built-in authorities still count.
    const hide = ["/etc/ssl", "/etc/pki"]
      .filter((path) => exists(path))
      .map((path) => `mount -t tmpfs none ${path} && `).join("");
    const { code, stderr } = await new Deno.Command("unshare", {
      args: [
        "--mount",
        "sh",
        "-c",
        `${hide}exec "$0" whoami --token "$1" --url "$2"`,
        BINARY,
        TOKEN,
        url,
      ],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", HOME: home.path },
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 5, said);
    assert(said.includes("issued by Corp Root, which"), said);
  });

  function exists(path: string): boolean {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  }
});
