/** The version of nanoctl (semantic versioning), as `--version` and the user agent say it. */
export const VERSION = "0.1.0";

/** Version, target and runtime, as `--version` prints them. */
export function versionText(): string {
  return `nanoctl ${VERSION} (${Deno.build.target}, Deno ${Deno.version.deno})`;
}
