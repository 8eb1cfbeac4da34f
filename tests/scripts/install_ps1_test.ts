import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";

const SH = textOf("install.sh");
const PS1 = textOf("install.ps1");

function textOf(name: string): string {
  const url = import.meta.resolve(`../../scripts/${name}`);
  return Deno.readTextFileSync(fromFileUrl(url));
}

/** Nothing here runs PowerShell; the workflow of a release does. */
describe("install.ps1", () => {
  /** What both scripts say, so that one page can explain it. */
  const SAID = [
    "nobody has said where to download from",
    "NANOCTL_DOWNLOAD_URL asks for a version",
    "is not https",
    "http is for this machine alone: what comes by it can be changed on the way",
    "is no version",
    "is no key of minisign",
    "is no repository",
    "cannot be downloaded",
    ", which is not https",
    "it is not known who signs",
    "there is no minisign, cosign or gh that can check one",
    "gh is not logged in",
    "no signature was verified: ",
    "finds no signature of SHA256SUMS by ",
    "somebody may have changed the release; nothing was installed",
    "/SHA256SUMS is no list of SHA-256 sums",
    "/SHA256SUMS lists no nanoctl for ",
    "has more than one nanoctl for ",
    "is not what SHA256SUMS says: its sum is ",
    "the download was cut short or changed; try again",
    "does not run on this machine",
    "This is a trial build, not a release.",
    "That folder is not on your PATH; add it",
    "comes first on your PATH.",
  ];

  for (const text of SAID) {
    it(`says as install.sh does: ${text.trim()}`, () => {
      assert(SH.includes(text), "install.sh does not say it");
      assert(PS1.includes(text), "install.ps1 does not say it");
    });
  }

  it("reads the same variables", () => {
    const names = (text: string): string[] =>
      [...new Set(text.match(/NANOCTL_[A-Z_]+/g))].sort();
    // Only Linux has two kinds of libc.
    const ours = names(SH).filter((name) => name !== "NANOCTL_INSTALL_ROOT");
    assertEquals(names(PS1), ours);
  });

  it("calls minisign, cosign and gh as install.sh does", () => {
    const options = (text: string): string[] =>
      [
        ...new Set(
          text.match(/--(?:bundle|certificate|repo|signer|format)[\w-]*/g),
        ),
      ]
        .sort();
    assertEquals(options(PS1), options(SH));
    assert(options(PS1).length === 6, `${options(PS1)}`);
    const workflow = "/.github/workflows/release.yml";
    assert(SH.includes(workflow) && PS1.includes(workflow));
  });

  it("is fit for PowerShell 5.1, which takes it for ANSI and knows no newer operators", () => {
    const strange = [...PS1].filter((one) =>
      one !== "\n" && !/[ -~]/.test(one)
    );
    assertEquals(strange, []);
    const [before = "", , after = ""] = PS1.split(/^(?:\$Usage = @')$|^'@$/m);
    assert(after !== "");
    const newer = (before + after).match(/\?\?|\?\.|&&|\|\||-Parallel\b/g);
    assertEquals(newer, null);
  });

  it("verifies before it unpacks", () => {
    const main = PS1.slice(PS1.indexOf("\ntry {"));
    const steps = [
      "Save-Download 'SHA256SUMS'",
      "Confirm-Signature",
      "Save-Download $Archive.Name",
      "Confirm-Sum $Archive",
      "Expand-Program $Archive",
      "Install-Program $Program",
    ].map((step) => main.indexOf(step));
    assert(!steps.includes(-1), `${steps}`);
    assertEquals(steps, steps.toSorted((a, b) => a - b));
  });
});
