import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";

const ROOT = fromFileUrl(import.meta.resolve("../../"));
const INDEX = "docs/README.md";
/** All that is written for readers, with the pages that are made of the specs. */
const PAGES = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  ...["docs", "docs/reference"].flatMap(pagesIn),
];

function pagesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `${folder}/${name}`).sort();
}

/** A page without its blocks of code, in which a link would be none. */
function textOf(page: string): string {
  return Deno.readTextFileSync(join(ROOT, page))
    .replaceAll(/^```[^]*?^```$|^ {4}.*$/gm, "");
}

/** The anchors of a page as GitHub names its headings: lower case, hyphens, no punctuation. */
function anchorsIn(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  );
}

/** What a page links to in the project: a file's path from the root, and a heading or "". */
function linksOf(page: string): { path: string; anchor: string }[] {
  return [...textOf(page).matchAll(/\]\(([^)]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !target.startsWith("https:"))
    .map((target) => {
      // A URL, as paths have other slashes on Windows.
      const { pathname, hash } = new URL(target, `file:///${page}`);
      return { path: pathname.slice(1), anchor: hash.slice(1) };
    });
}

/** The links of a page that lead nowhere. */
function brokenLinksOf(page: string): string[] {
  return linksOf(page).filter(({ path, anchor }) => {
    if (!isFile(path)) return true;
    return anchor !== "" && !anchorsIn(textOf(path)).includes(anchor);
  }).map(({ path, anchor }) => `${path}#${anchor}`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(join(ROOT, path)).isFile;
  } catch {
    return false;
  }
}

describe("the pages", () => {
  it("link to files and headings that there are", () => {
    assert(PAGES.length >= 50, `${PAGES.length}`);
    assert(PAGES.flatMap(linksOf).length >= 200);
    for (const page of PAGES) assertEquals(brokenLinksOf(page), [], page);
  });

  it("have anchors as GitHub makes them", () => {
    assertEquals(anchorsIn("# A file's `path`\n## docker, skopeo and podman"), [
      "a-files-path",
      "docker-skopeo-and-podman",
    ]);
  });

  it("are all in the index, or those of the commands in the reference", () => {
    const linked = [INDEX, "docs/reference/README.md"].flatMap(linksOf)
      .map(({ path }) => path);
    const missing = PAGES.filter((page) =>
      page !== INDEX && page !== "README.md" && !linked.includes(page)
    );
    assertEquals(missing, []);
  });
});

describe("README.md", () => {
  const text = Deno.readTextFileSync(join(ROOT, "README.md"));

  it("is short, and leads to the index", () => {
    const lines = text.trimEnd().split("\n").length;
    assert(lines <= 135, `${lines} lines`);
    assert(linksOf("README.md").some(({ path }) => path === INDEX));
  });

  it("answers a visitor's questions in their order", () => {
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
    assertEquals(headings, [
      "Install",
      "Log in",
      "What others don't do",
      "Can I trust it?",
      "If something fails",
      "Documentation",
      "Try it",
      "Licence",
    ]);
  });

  it("has sources for every other tool that it compares, and a page for each claim of its own", () => {
    const [header = "", , ...rows] = text.match(/^\|.*\|$/gm) ?? [];
    const cells = (row: string): string[] =>
      row.split("|").slice(1, -1).map((cell) => cell.trim());
    const [, own, ...others] = cells(header);
    assertEquals(own, "nanoctl");
    assert(others.length >= 5, header);
    for (const name of others) {
      assert(text.includes(`\n- ${name}:`), `no sources for ${name}`);
    }
    assert(rows.length >= 7, `${rows.length}`);
    for (const row of rows) {
      assert(cells(row)[1]?.includes("](docs/"), row);
    }
  });
});
