/** The README.md of a release: what it is, and on which runtime. */
export function readme(
  version: string,
  runtime: string,
  trial: boolean,
): string {
  const warning = trial
    ? `
This is a trial build and not a release: it was made to try things out, and it
may stand on a runtime that no release is built on. Do not hand it out.
`
    : "";
  return `# nanoctl ${version}
${warning}
Built on Deno ${runtime}. Check an archive before you unpack it:

    sha256sum --check --ignore-missing SHA256SUMS

\`nanoctl-${version}.cdx.json\` lists what the program contains (CycloneDX 1.6).
\`install.sh\` downloads, checks and installs; \`sh install.sh --help\` says how.
\`install.ps1\` does so on Windows.
An archive \`-root.tar.gz\` is for container images: unpacked into \`/\`, it makes
the program run where there is nothing else, and docs/containers.md says how.

The same program is in the package for Debian and Ubuntu (\`.deb\`), and in npm's
(\`.tgz\`). \`nanoctl.rb\` is a formula of Homebrew, \`nanoctl.json\` a manifest of
Scoop.
`;
}
