/** A manifest of Scoop, in the form of its schema.json, for a bucket. */

import { PRODUCT } from "./product.ts";

/** A release's archives, and where they are. */
export interface Located {
  version: string;
  /** The folder of the archives, without a trailing slash. */
  url: string;
  homepage: string;
  sums: readonly { name: string; sha256: string }[];
}

/** Writes the manifest for the archive of Windows; undefined if there is none. */
export function scoopManifest(release: Located): string | undefined {
  const { version, url, homepage, sums } = release;
  const folder = `${PRODUCT.name}-${version}-windows-x64`;
  const archive = sums.find(({ name }) => name === `${folder}.zip`);
  if (!archive) return undefined;
  const manifest = {
    version,
    description: PRODUCT.summary,
    homepage,
    license: PRODUCT.licence,
    architecture: {
      "64bit": {
        url: `${url}/${archive.name}`,
        hash: archive.sha256,
        extract_dir: folder,
      },
    },
    bin: `${PRODUCT.name}.exe`,
  };
  return `${JSON.stringify(manifest, null, 4)}\n`;
}
