/** Who publishes a release, and where: what no commit can know. */

import { SetupError } from "../process.ts";

/** Where a release will be, and who answers for it. */
export interface Publisher {
  /** The folder of the archives, without a trailing slash; undefined if it is not known. */
  url: string | undefined;
  homepage: string | undefined;
  /** A name and an address, as in RFC 5322. */
  maintainer: string;
  /** `owner/name` on GitHub, whose workflow signs. */
  repository: string | undefined;
  /** For minisign: the second line of its file. */
  publicKey: string | undefined;
}

/** As `python3 -m http.server --bind 127.0.0.1` serves a trial build. */
const TRIAL_URL = "http://127.0.0.1:8000";

/** Debian wants an address. The name is one that RFC 2606 keeps from being anyone's. */
const NOBODY = "The nanoctl authors <nanoctl@nanoctl.invalid>";

/**
 * Reads the publisher from NANOCTL_DOWNLOAD_URL, NANOCTL_HOMEPAGE,
 * NANOCTL_MAINTAINER, NANOCTL_REPOSITORY and NANOCTL_PUBLIC_KEY, in which
 * `{version}` stands for the version. Throws a SetupError for one that is malformed:
 * they are written into scripts.
 */
export function publisherOf(
  read: (name: string) => string | undefined,
  version: string,
  trial: boolean,
): Publisher {
  const valueOf = (name: string, form: RegExp): string | undefined => {
    const value = read(name)?.replaceAll("{version}", version);
    if (!value) return undefined;
    if (form.test(value)) return value;
    throw new SetupError(`${name} is not what it should be: ${value}`);
  };
  const url = valueOf("NANOCTL_DOWNLOAD_URL", URL_FORM) ??
    (trial ? TRIAL_URL : undefined);
  return {
    url: url?.replace(/\/+$/, ""),
    homepage: valueOf("NANOCTL_HOMEPAGE", URL_FORM),
    maintainer:
      valueOf("NANOCTL_MAINTAINER", /^[^<>\n"\\]+ <[\w.+-]+@[\w.-]+>$/) ??
        NOBODY,
    repository: valueOf("NANOCTL_REPOSITORY", /^[\w-]+\/[\w.-]+$/),
    publicKey: valueOf("NANOCTL_PUBLIC_KEY", /^[A-Za-z0-9+/]{56}$/),
  };
}

/** No more than what needs no quoting in sh, PowerShell, Ruby and JSON. */
const URL_FORM = /^https?:\/\/[\w.:[\]-]+(\/[\w.~+/-]*)?$/;
