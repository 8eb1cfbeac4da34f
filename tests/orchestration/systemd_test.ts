import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { examplesOf } from "../support/doc_examples.ts";
import { DocumentedHosts } from "../support/documented_hosts.ts";
import { Child, type Result, until } from "../support/nanoctl.ts";
import { itNeeding, onLinux } from "../support/needs.ts";
import { changeOAuth, registerClient } from "../support/oauth_service.ts";
import { itWith, type Need, PATH, programs } from "../support/store_files.ts";
import { ownSystemd, SystemdMachine } from "../support/systemd.ts";

const PAGE = "docs/systemd.md";
const ROOT = fromFileUrl(import.meta.resolve("../../"));
const FOLDER = join(ROOT, "docs/systemd");
const STRICT = "nanoctl-.service.d/strict.conf";
const UNITS = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => !name.endsWith(".d")).sort();
const SERVICES = UNITS.filter((name) => name.endsWith(".service"));
const [INSTALLS, RUNS_AGENT, LOGS_IN] = examplesOf(PAGE).map(({ text }) =>
  text
);
/** Has the timer wait until a test wants it, and then not a random time. */
const TIMER_DROP_IN = "systemd/system/nanoctl-renew.timer.d/test.conf";
const CERTIFICATES = "/etc/ssl/hosts.pem";

/** What a unit says in a test, and how it gets to the documented hosts. */
function dropIn(hosts: DocumentedHosts): string {
  const variables = Object.entries(hosts.variables(CERTIFICATES));
  return [
    "[Service]",
    "StandardOutput=append:/run/log/%n",
    "StandardError=append:/run/log/%n",
    ...variables.map(([name, value]) => `Environment=${name}=${value}`),
    "",
  ].join("\n");
}

/** Other versions of systemd rate other lines. */
const ofVersion252: Need = () => {
  const { stdout } = new Deno.Command("systemd-analyze", {
    args: ["--version"],
  }).outputSync();
  return new TextDecoder().decode(stdout).startsWith("systemd 252 ")
    ? undefined
    : "the page is about systemd 252";
};

/** Looks at what systemd's own checks say of a folder of units. */
async function analyze(...args: string[]): Promise<Result> {
  return await new Child("systemd-analyze", [...args, "--no-pager"], {
    env: { PATH },
  }).end();
}

onLinux("the units of docs/systemd", () => {
  const missing = programs("systemd-analyze")();

  it("are those of the page", () => {
    const page = Deno.readTextFileSync(join(ROOT, PAGE));
    const linked = page.match(/(?<=\(systemd\/)[^)]+/g) ?? [];
    assertEquals([...linked].sort(), [STRICT, ...UNITS]);
  });

  /** What `systemd-analyze verify` says, apart from a program that isn't installed. */
  async function faults(folder: string): Promise<string[]> {
    const { stderr } = await analyze(
      "verify",
      "--man=no",
      ...UNITS.map((name) => join(folder, name)),
    );
    return stderr.split("\n").filter((line) =>
      !/^$|\/usr\/local\/bin\/nanoctl is not executable/.test(line)
    );
  }

  itNeeding(missing, "are without fault, as systemd reads them", async () => {
    assertEquals(await faults(FOLDER), []);
  });

  itNeeding(missing, "would be seen to have a misspelt line", async () => {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-units-" });
    for (const name of UNITS) {
      const text = Deno.readTextFileSync(join(FOLDER, name));
      Deno.writeTextFileSync(
        join(folder, name),
        text.replace("LoadCredential=", "LoadCredentials=")
          .replace("OnUnitActiveSec=", "OnUnitActive="),
      );
    }
    const said = (await faults(folder)).join("\n");
    assertMatch(said, /Unknown key (name )?'LoadCredentials'/);
    assertMatch(said, /Unknown key (name )?'OnUnitActive'/);
    await Deno.remove(folder, { recursive: true });
  });

  for (const name of SERVICES) {
    itWith(
      [programs("systemd-analyze"), ofVersion252],
      `give ${name} no more than the page says`,
      async () => {
        const page = Deno.readTextFileSync(join(ROOT, PAGE));
        const [, claimed] = /exposure of (\d\.\d)/.exec(page) ?? [];
        const { stdout } = await analyze(
          ...["security", "--offline=yes", join(FOLDER, name)],
        );
        const [, found] = /level for \S+: (\d+\.\d) /.exec(stdout) ?? [];
        assert(Number(found) <= Number(claimed), `${found}, not ${claimed}`);
      },
    );
  }
});

const missing = ownSystemd();
const onSystemd = missing === undefined ? describe : describe.skip;
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;

onSystemd(`on a machine with systemd, the units${skipped}`, () => {
  let hosts: DocumentedHosts;
  let machine: SystemdMachine;
  let token: string;
  let secret: string;

  beforeAll(async () => {
    hosts = await DocumentedHosts.start();
    token = (await hosts.service.mint()).token;
    secret = await registerClient(hosts.service, "agent");
    const files = Object.fromEntries(
      [STRICT, ...UNITS].map((name) => [
        `page/systemd/${name}`,
        Deno.readTextFileSync(join(FOLDER, name)),
      ]),
    );
    const test = "systemd/system/nanoctl-.service.d/test.conf";
    machine = await SystemdMachine.boot({
      ...files,
      [test]: dropIn(hosts),
      "page/token.txt": `${token}\n`,
      "page/secret.txt": secret,
      [CERTIFICATES.slice("/etc/".length)]: hosts.authority,
      [TIMER_DROP_IN]: "[Timer]\nOnActiveSec=\nOnActiveSec=1h\n",
    }, { agent: AGENT });
    await succeed(INSTALLS);
  });
  afterAll(async () => {
    await machine?.stop();
    await hosts?.[Symbol.asyncDispose]();
  });

  /** Runs commands of the page, in the folder with these pages. */
  async function succeed(commands: string | undefined): Promise<string> {
    assert(commands);
    const script = `set -e\ncd /etc/page\n${commands}`;
    const { code, stdout, stderr } = await machine.run(script);
    const said = UNITS.map((unit) => machine.said(unit)).join("");
    assertEquals(code, 0, `${stderr}${said}`);
    return stdout;
  }

  /** When the session that the machine has stored ends. */
  function sessionEnd(): number {
    const text = Deno.readTextFileSync(machine.at(STORED));
    return Date.parse(JSON.parse(text).profiles.default.expires_at);
  }

  it("hand a program its token, and nothing to break out with", async () => {
    await succeed(RUNS_AGENT);
    await until(
      () => machine.said("nanoctl-agent.service").includes("done"),
      "the agent has run",
    );
    const said = machine.said("nanoctl-agent.service");
    assertMatch(said, /^whoami: ada$/m);
    assertMatch(said, /^Uid:\t[1-9]\d*\t/m);
    for (const set of ["CapEff", "CapPrm", "CapBnd", "CapAmb"]) {
      assertMatch(said, new RegExp(`^${set}:\t0+$`, "m"));
    }
    assertMatch(said, /^NoNewPrivs:\t1$/m);
    assertMatch(said, /^Seccomp:\t2$/m);
    assertMatch(said, /^written: $/m);
    assert(!said.includes(token), said);
  });

  it("show the token to nobody who looks at the unit or its processes", async () => {
    const shown = await succeed(
      "systemctl show nanoctl-agent; cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
    );
    assertMatch(shown, /^ExecStart=.*nanoctl exec --/m);
    assert(!shown.includes(token));
  });

  it("log the machine in, and keep no secret in plain text", async () => {
    await changeOAuth(hosts.service, { access_expires_in: 2 });
    await succeed(LOGS_IN);
    const modes = await succeed(`stat -c %a ${CONFIG} ${STORED}`);
    assertEquals(modes, "700\n600\n");
    const files = await succeed(
      "find /etc /var/lib /run/log -type f ! -path '/etc/page/*' -exec cat {} +",
    );
    assertMatch(files, /"sealed"/);
    assert(!files.includes(secret));
  });

  it("renew the login by their timer", async () => {
    await until(() => sessionEnd() < Date.now(), "the session has ended");
    await changeOAuth(hosts.service, { access_expires_in: 3600 });
    await succeed(`
      printf '[Timer]\\nRandomizedDelaySec=0\\n' > /etc/${TIMER_DROP_IN}
      systemctl daemon-reload
      systemctl restart nanoctl-renew.timer`);
    await until(() => sessionEnd() > Date.now(), "it is renewed");
    await until(
      async () =>
        (await machine.run("systemctl is-active nanoctl-renew")).stdout ===
          "inactive\n",
      "the service has ended",
    );
    assertMatch(machine.said("nanoctl-renew.service"), /renews itself/);
    const timer = await succeed("systemctl is-active nanoctl-renew.timer");
    assertEquals(timer, "active\n");
  });

  it("fail where nobody can decrypt their credentials", async () => {
    await succeed("mv /var/lib/systemd/credential.secret /var/lib/other");
    const { code } = await machine.run("systemctl start nanoctl-renew");
    assert(code !== 0);
    await succeed("mv /var/lib/other /var/lib/systemd/credential.secret");
    await succeed("systemctl start nanoctl-renew");
  });

  it("need memory that is written and executed", async () => {
    const folder = "/etc/systemd/system/nanoctl-renew.service.d";
    await succeed(`mkdir ${folder}
      printf '[Service]\\nMemoryDenyWriteExecute=yes\\n' > ${folder}/x.conf
      systemctl daemon-reload`);
    const { code } = await machine.run("systemctl start nanoctl-renew");
    assert(code !== 0);
    await succeed(`rm -r ${folder}
      systemctl daemon-reload
      systemctl start nanoctl-renew`);
  });
});

const CONFIG = "/var/lib/private/nanoctl/config";
const STORED = `${CONFIG}/credentials.json`;

/** Says who it is by its token, what it may do, and where it can write. */
const AGENT = `
echo "whoami: $(nanoctl whoami)"
grep -E '^(Uid|Cap|NoNewPrivs|Seccomp:)' /proc/self/status
for folder in / /etc /home /root /usr /var /var/lib /run; do
  (: > "$folder/file") 2>/dev/null && written="$written $folder"
done
echo "written: $written"
echo done
exec sleep 60`;
