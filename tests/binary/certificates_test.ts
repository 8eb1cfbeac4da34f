import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  type Made,
  makeCertificate,
  type Wish,
} from "../support/certificate_maker.ts";
import { assertFails, Home, run } from "../support/nanoctl.ts";
import { POWERSHELL, utf16 } from "../support/utf_16.ts";
import { me, StrangeServer } from "../support/servers.ts";
import { IS_ROOT } from "../support/store_files.ts";

const TOKEN = "nano_FORTRUSTEDONLY";
const WHOAMI = ["whoami", "--token", TOKEN];
const CLIENT_PURPOSE = "1.3.6.1.5.5.7.3.2";
const SERVER_PURPOSE = "1.3.6.1.5.5.7.3.1";

/** What is said of a certificate whose issuer of this name is not trusted. */
function untrusted(issuer: string): { says: RegExp; hint: RegExp } {
  return {
    says: new RegExp(
      `: its certificate was issued by ${issuer}, which this machine does not trust$`,
    ),
    hint: /--ca-file or NANOCTL_CA_FILE$/,
  };
}
const OTHER_NAME = {
  says: /: its certificate is for another name$/,
  hint: /^check the host in --url$/,
};

/** A certificate that a service presents, and what becomes of it. */
interface Case {
  name: string;
  wish: Wish;
  /** Whom --ca-file names: an authority below, the certificate itself, nobody. */
  trusted?: string;
  /** The certificate of this authority is sent along. */
  sends?: string;
  /** What is said; where nothing is, it is accepted. */
  refused?: { says: RegExp; hint: RegExp };
}

describe("the certificate of a service", () => {
  let home: Home;
  const authorities: Record<string, Made> = {};

  beforeAll(async () => {
    home = new Home();
    const authority = async (subject: string, wish: Wish): Promise<void> => {
      const made = await makeCertificate({
        subject,
        names: [],
        authority: true,
        ...wish,
      });
      authorities[wish.subject ? "namesake" : subject] = made;
    };
    await authority("root", {});
    await authority("namesake", { subject: "root" });
    const issuer = authorities.root;
    assert(issuer);
    await authority("middle", { issuer });
    await authority("expired", { issuer, forDays: -1 });
    await authority("usurper", { issuer, authority: false });
  });
  afterAll(() => home[Symbol.dispose]());

  function authority(name: string): Made {
    const made = authorities[name];
    assert(made, `there is no authority ${name}`);
    return made;
  }

  function caFile(...texts: string[]): string {
    const path = home.at(`${crypto.randomUUID()}.pem`);
    Deno.writeTextFileSync(path, texts.join("\n"));
    return path;
  }

  /** A service at https://localhost with this certificate. */
  async function serve(
    { wish, sends }: Pick<Case, "wish" | "sends">,
    issuer: string | undefined,
  ): Promise<{ server: StrangeServer; url: string; made: Made }> {
    const made = await makeCertificate({
      ...wish,
      ...(issuer ? { issuer: authority(issuer) } : {}),
    });
    const cert = `${made.cert}\n${sends ? authority(sends).cert : ""}`;
    const server = new StrangeServer(() => me(), { cert, key: made.key });
    return { server, url: server.url.replace("127.0.0.1", "localhost"), made };
  }

  const signed: (Case & { by?: string })[] = [
    { name: "signed by the authority", by: "root", wish: {}, trusted: "root" },
    {
      name: "for servers",
      by: "root",
      wish: { purposes: [SERVER_PURPOSE] },
      trusted: "root",
    },
    {
      name: "signed by an intermediate authority that is sent along",
      by: "middle",
      wish: {},
      trusted: "root",
      sends: "middle",
    },
    {
      name: "signed by an intermediate authority that is trusted itself",
      by: "middle",
      wish: {},
      trusted: "middle",
    },
    { name: "self-signed and trusted itself", wish: {}, trusted: "itself" },
    {
      name: "self-signed without a word on authority, and trusted itself",
      wish: { authority: "unsaid" },
      trusted: "itself",
    },
    { name: "self-signed", wish: {}, refused: untrusted("a test") },
    {
      name: "self-signed where another one is trusted",
      wish: {},
      trusted: "root",
      refused: untrusted("a test"),
    },
    {
      name: "self-signed as an authority's, trusted itself",
      wish: { authority: true },
      trusted: "itself",
      refused: {
        says:
          /: it presents the certificate of an authority \(CA:TRUE\) as its own$/,
        hint: /CA:FALSE/,
      },
    },
    {
      name: "signed by an authority that is not trusted",
      by: "root",
      wish: {},
      refused: untrusted("root"),
    },
    {
      name: "signed by another authority of the same name",
      by: "root",
      wish: {},
      trusted: "namesake",
      refused: untrusted("root"),
    },
    {
      name: "signed by an intermediate authority that is not sent along",
      by: "middle",
      wish: {},
      trusted: "root",
      refused: untrusted("middle"),
    },
    {
      name: "signed by a server",
      by: "usurper",
      wish: {},
      trusted: "root",
      sends: "usurper",
      refused: { says: /: its certificate is not valid$/, hint: /a new one$/ },
    },
    {
      name: "for another name",
      by: "root",
      wish: { names: ["other.example"] },
      trusted: "root",
      refused: OTHER_NAME,
    },
    {
      name: "for no name but its subject",
      by: "root",
      wish: { names: [], subject: "localhost" },
      trusted: "root",
      refused: OTHER_NAME,
    },
    {
      name: "for names below its own",
      by: "root",
      wish: { names: ["*.localhost"] },
      trusted: "root",
      refused: OTHER_NAME,
    },
    {
      name: "that has expired",
      by: "root",
      wish: { forDays: -1 },
      trusted: "root",
      refused: { says: /: its certificate has expired$/, hint: /renew/ },
    },
    {
      name: "signed by an intermediate authority that has expired",
      by: "expired",
      wish: {},
      trusted: "root",
      sends: "expired",
      refused: { says: /: its certificate has expired$/, hint: /renew/ },
    },
    {
      name: "that is not valid yet",
      by: "root",
      wish: { sinceDays: -1, forDays: 2 },
      trusted: "root",
      refused: {
        says: /: its certificate is not valid yet$/,
        hint: /this machine's clock/,
      },
    },
    {
      name: "for clients",
      by: "root",
      wish: { purposes: [CLIENT_PURPOSE] },
      trusted: "root",
      refused: {
        says: /: its certificate is not one for a server$/,
        hint: /server authentication/,
      },
    },
  ];

  for (const { name, by, trusted, refused, ...wished } of signed) {
    const step = refused
      ? `${name}, is refused, and nothing is sent`
      : `${name}, is accepted`;
    it(step, async () => {
      const { server, url, made } = await serve(wished, by);
      await using _ = server;
      const args = [...WHOAMI, "--url", url];
      if (trusted) {
        const one = trusted === "itself" ? made : authority(trusted);
        args.push("--ca-file", caFile(one.cert));
      }
      if (!refused) {
        const { stdout, stderr } = await run(args);
        assertEquals([stdout, stderr], ["mallory\n", ""]);
        return;
      }
      await assertFails(args, {}, {
        exit: 5,
        code: "network_tls",
        message: refused.says,
        hint: refused.hint,
        secret: TOKEN,
      });
      assertEquals(server.caught, []);
    });
  }

  it("is refused at once: a second try would not mend it", async () => {
    const { server, url } = await serve({ wish: {} }, "root");
    await using _ = server;
    const { stderr } = await run([...WHOAMI, "--url", url, "--verbose"]);
    assertEquals(stderr.match(/^GET .*$/gm)?.length, 1);
    assertMatch(stderr, /^GET \S+ network_tls, \d+ ms, try 1, /);
  });

  describe("is accepted by a CA file", () => {
    const dos = (text: string): string => text.replaceAll("\n", "\r\n");
    const files: [name: string, content: (pem: string) => string][] = [
      ["with a line break at its end", (pem) => `${pem}\n`],
      ["without one", (pem) => pem.trimEnd()],
      ["with Windows line breaks", (pem) => dos(`${pem}\n`)],
      ["with a byte order mark", (pem) => `\ufeff${pem}\n`],
      ["with words around it", (pem) => `# us\nCN=x\n${pem}\nthe end\n`],
      ["with it twice", (pem) => `${pem}\n${pem}\n`],
      ["with it behind others", (pem) => `${others()}\n${pem}\n`],
      ["with it before others", (pem) => `${pem}${others()}\n`],
      ["with it in the middle of 300", (pem) => {
        const hundred = Array<string>(75).fill(others()).join("\n");
        return `${hundred}\n${pem}\n${hundred}`;
      }],
      ["with a key in it too", (pem) => `${authority("middle").key}\n${pem}`],
    ];
    const others = (): string =>
      `${authority("namesake").cert}\n${authority("middle").cert}`;

    for (const [name, content] of files) {
      it(name, async () => {
        const { server, url } = await serve({ wish: {} }, "root");
        await using _ = server;
        const path = caFile(content(authority("root").cert));
        const args = [...WHOAMI, "--url", url, "--ca-file", path];
        const { stdout, stderr } = await run(args);
        assertEquals([stdout, stderr], ["mallory\n", ""]);
      });
    }

    it("that the option names before one that the variable names", async () => {
      const { server, url } = await serve({ wish: {} }, "root");
      await using _ = server;
      const right = caFile(authority("root").cert);
      const wrong = caFile(authority("namesake").cert);
      const args = [...WHOAMI, "--url", url];
      const env = { NANOCTL_CA_FILE: wrong };
      const option = await run([...args, "--ca-file", right], { env });
      assertEquals(option.stdout, "mallory\n", option.stderr);
      assertEquals((await run(args, { env })).code, 5);
      const variable = await run(args, { env: { NANOCTL_CA_FILE: right } });
      assertEquals(variable.stdout, "mallory\n");
    });

    it("that a file in UTF-16 holds", async () => {
      const { server, url } = await serve({ wish: {} }, "root");
      await using _ = server;
      const path = caFile();
      Deno.writeFileSync(path, utf16(authority("root").cert, POWERSHELL));
      const { stdout } = await run([
        ...WHOAMI,
        "--url",
        url,
        "--ca-file",
        path,
      ]);
      assertEquals(stdout, "mallory\n");
    });

    it("and one that an empty variable does not name is not missed", async () => {
      await using server = new StrangeServer(() => me());
      const { stdout } = await run([...WHOAMI, "--url", server.url], {
        env: { NANOCTL_CA_FILE: "" },
      });
      assertEquals(stdout, "mallory\n");
    });
  });

  describe("by a CA file that can't be used", () => {
    const pem = (): string => authority("root").cert;
    const files: [
      name: string,
      content: () => string | Uint8Array,
      says: RegExp,
    ][] = [
      ["is empty", () => "", /it holds no PEM certificate$/],
      [
        "is DER",
        () => new Uint8Array(authority("root").certificate.rawData),
        /it holds no PEM certificate$/,
      ],
      [
        "is damaged UTF-16",
        () => utf16(pem(), POWERSHELL).subarray(0, -1),
        /looks like UTF-16, but is cut short/,
      ],
      ["holds a key", () => authority("root").key, /no PEM certificate$/],
      ["is cut off", () => pem().slice(0, 200), /no PEM certificate$/],
      [
        "has another character in it",
        () => pem().replace(/^M/m, "*"),
        /a certificate in it is malformed$/,
      ],
      [
        "lacks a part",
        () => pem().split("\n").toSpliced(2, 1).join("\n"),
        /a certificate in it is malformed$/,
      ],
      [
        "holds one malformed behind a good one",
        () => `${pem()}\n${pem().replace(/^M/m, "*")}`,
        /a certificate in it is malformed$/,
      ],
    ];
    for (const [name, content, says] of files) {
      it(`because it ${name}, nothing is sent, by option and by variable`, async () => {
        await using server = new StrangeServer(() => me());
        const path = caFile();
        const text = content();
        if (typeof text === "string") Deno.writeTextFileSync(path, text);
        else Deno.writeFileSync(path, text);
        const expected = {
          exit: 2,
          code: "usage",
          message: says,
          hint:
            /in PEM form with --ca-file or NANOCTL_CA_FILE$|^write it anew in UTF-8/,
          secret: TOKEN,
        };
        const args = [...WHOAMI, "--url", server.url];
        await assertFails([...args, "--ca-file", path], {}, expected);
        await assertFails(args, { env: { NANOCTL_CA_FILE: path } }, expected);
        assertEquals(server.caught, []);
      });
    }

    const paths: [name: string, path: () => string, says: RegExp][] = [
      ["is not there", () => home.at("missing"), /there is no such file$/],
      ["is a folder", () => home.path, /it can't be read$/],
      ["has no end", () => "/dev/zero", /it is longer than 10 MiB$/],
    ];
    if (!IS_ROOT) {
      paths.push(["may not be read", () => {
        const path = caFile("");
        Deno.chmodSync(path, 0);
        return path;
      }, /it can't be read$/]);
    }
    for (const [name, path, says] of paths) {
      it(`because it ${name}`, async () => {
        await assertFails([...WHOAMI, "--ca-file", path()], {}, {
          exit: 2,
          code: "usage",
          message: says,
          hint: /--ca-file/,
        });
      });
    }
  });
});
