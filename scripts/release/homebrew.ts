/** A formula of Homebrew (its Formula Cookbook), for a tap. */

import { PRODUCT } from "./product.ts";
import type { Located } from "./scoop.ts";

/** Ruby for each part of a target's name, in the order that `brew style` wants. */
const SYSTEMS = [["macos", "on_macos"], ["linux", "on_linux"]] as const;
const MACHINES = [["arm64", "on_arm"], ["x64", "on_intel"]] as const;

/** Writes the formula for the archives in `.tar.gz`; undefined if there is none. */
export function formula(release: Located): string | undefined {
  const systems = SYSTEMS.flatMap(([system, word]) => {
    const machines = MACHINES.flatMap(([machine, word]) =>
      source(release, `${system}-${machine}`, word)
    );
    return machines.length === 0 ? [] : [block(word, machines.join("\n\n"))];
  });
  if (systems.length === 0) return undefined;
  return `class Nanoctl < Formula
  desc "${PRODUCT.summary}"
  homepage "${release.homepage}"
  version "${release.version}"
  license "${PRODUCT.licence}"

${indented(systems.join("\n\n"))}

  def install
    bin.install "${PRODUCT.name}"
    man1.install Dir["${PRODUCT.manual}/*.1"]
    generate_completions_from_executable(bin/"${PRODUCT.name}", "${
    PRODUCT.completions.join('", "')
  }")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/${PRODUCT.name} --version")
  end
end
`;
}

function source(release: Located, target: string, word: string): string[] {
  const name = `${PRODUCT.name}-${release.version}-${target}.tar.gz`;
  const sum = release.sums.find((one) => one.name === name);
  if (!sum) return [];
  return [
    block(word, `url "${release.url}/${name}"\nsha256 "${sum.sha256}"`),
  ];
}

function block(word: string, text: string): string {
  return `${word} do\n${indented(text)}\nend`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
