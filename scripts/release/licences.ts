/** The licences of the bundled packages, from the packages themselves if they include them. */

import { type Package } from "./contents.ts";
import { readIfThere, readJson, SetupError, walk } from "../process.ts";

/** What is known about a package's licence. */
export interface Licence {
  /** An SPDX expression. */
  spdx: string;
  /** The licence text in the package; without one, only its notices are known. */
  text?: string;
  /** The copyright lines, if there is no text. */
  notices: string[];
}

/**
 * JSR serves individual modules, without licence files. std's modules name their
 * copyright owners; Cliffy's don't, so this is its project's notice.
 */
const CLIFFY: Licence = {
  spdx: "MIT",
  notices: ["Copyright (c) 2020-2023 Benjamin Fischer (c4spar)"],
};

/** The runtime's licence. Its components are listed in its source, not here. */
export const DENO_LICENCE: Licence = {
  spdx: "MIT",
  notices: ["Copyright 2018-2026 the Deno authors"],
};

/** The texts of the licences that packages may name without a licence file. */
const WORDS: Record<string, string> = {
  MIT:
    `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`,
  "BSD-3-Clause":
    `Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its contributors
   may be used to endorse or promote products derived from this software
   without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND
ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR
ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES;
LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON
ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT
(INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
`,
};

/** How std's modules name their licences. */
const NAMED: [spdx: string, named: RegExp][] = [
  ["MIT", /\bMIT\b/],
  ["BSD-3-Clause", /\bBSD\b|\bThe Go Authors\b/],
];

/** A package's licence. Throws a SetupError if it can't be determined. */
export function licenceOf(found: Package): Licence {
  return found.registry === "npm" ? fromNpm(found) : fromJsr(found);
}

function fromNpm({ name, folder }: Package): Licence {
  const manifest = readJson<{ license?: string }>(`${folder}/package.json`);
  const text = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "license"]
    .map((file) => readIfThere(`${folder}/${file}`))
    .find((found) => found !== undefined);
  if (!manifest?.license || text === undefined) {
    throw new SetupError(`npm package ${name} does not carry its licence`);
  }
  return { spdx: manifest.license, text, notices: [] };
}

function fromJsr({ name, folder, files }: Package): Licence {
  const text = readIfThere(`${folder}/LICENSE`);
  if (/^@(cliffy|windmill-labs)\//.test(name)) {
    return { ...CLIFFY, ...(text === undefined ? {} : { text }) };
  }
  // Deno vendors files with long names under other names that start with #.
  const renamed = [...walk(folder)].filter((path) => path.includes("/#"));
  const notices = new Set(
    [...files.map((file) => `/${file}`), ...renamed].flatMap((path) =>
      noticesIn(readIfThere(folder + path) ?? "")
    ),
  );
  const unknown = [...notices].find((line) => licenceNamed(line) === undefined);
  if (notices.size === 0 || unknown !== undefined) {
    throw new SetupError(
      `the licence of JSR package ${name} is not known: ${
        unknown ?? "no module of it names an owner"
      }`,
    );
  }
  const named = new Set([...notices].map((line) => licenceNamed(line) ?? ""));
  return {
    spdx: [...named].sort().reverse().join(" AND "),
    notices: [...notices].sort(),
    ...(text === undefined ? {} : { text }),
  };
}

function licenceNamed(notice: string): string | undefined {
  return NAMED.find(([, named]) => named.test(notice))?.[0];
}

/** A module's copyright comments. */
function noticesIn(source: string): string[] {
  return [...source.matchAll(/^\/\/ (.*\bCopyright\b.*)$/gm)].map((
    [, line = ""],
  ) => line.trim());
}

/** The text of THIRD_PARTY_LICENSES: a section for each package, the runtime first. */
export function thirdPartyLicences(
  packages: readonly Package[],
  runtime: string,
): string {
  const chapters = [
    chapter(`Deno ${runtime}`, DENO_LICENCE, [
      "The runtime that the program is compiled with. It contains V8, SQLite and",
      "Rust libraries under licences of their own, which the source of that",
      "version of Deno lists.",
    ]),
    ...packages.map((found) =>
      chapter(
        `${found.name} ${found.version} (${found.registry})`,
        licenceOf(found),
        [
          "The package carries no licence file. These are the notices of its modules",
          "or of its project, with the words of the licence that they name.",
        ],
      )
    ),
  ];
  const head =
    "nanoctl contains the work of others. These are their licences.\n";
  return [head, ...chapters].join(`\n${"=".repeat(78)}\n\n`);
}

function chapter(
  title: string,
  { spdx, text, notices }: Licence,
  withoutText: string[],
): string {
  const head = `${title}\nSPDX-License-Identifier: ${spdx}\n\n`;
  if (text !== undefined) return `${head}${text.trim()}\n`;
  const words = spdx.split(" AND ").map((id) => WORDS[id] ?? "").join("\n");
  return `${head}${withoutText.join("\n")}\n\n${
    notices.join("\n")
  }\n\n${words}`;
}
