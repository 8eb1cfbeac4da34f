import { readCaFile } from "../../http/tls/certificates.ts";
import {
  builtInAuthorities,
  findSigner,
  shownCertificate,
} from "../../http/tls/issuer.ts";
import type { AuthoritySource } from "../../http/tls/system_authorities.ts";
import { proxyFor } from "../../http/proxy/proxy_server.ts";
import { expiryText } from "../expiry.ts";
import { caFileOf } from "../session/session.ts";
import type { Facts } from "./facts.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** A certificate that expires sooner is worth a warning, in milliseconds: most are renewed earlier. */
const SOON = 7 * 86_400_000;

/** Authorities of one place, with how that is said. */
interface Trusted {
  from: string;
  certificates: string[];
}

/** Whom this machine trusts to sign a service's certificate. */
export async function checkAuthorities(facts: Facts): Promise<Finding> {
  const { sources, expired, byRuntime, check } = await facts.authorities();
  check();
  const { context } = facts;
  const counts = (await trusted(facts)).map(({ from, certificates }) => {
    const valid = new Set(certificates).difference(new Set(expired));
    return `${valid.size} ${from}`;
  });
  const message = [
    ...counts,
    ...byRuntime ? ["those of the system's own store"] : [],
    ...context.env.get("DENO_TLS_CA_STORE")
      ? ["those that DENO_TLS_CA_STORE names"]
      : [],
  ].join(", ");
  const useless = sources.find(({ variable, certificates }) =>
    variable && certificates.every((one) => expired.includes(one))
  );
  if (!useless?.variable) return ok(message);
  return warning(
    `${message}; ${useless.variable} names no certificate that is valid`,
    `set ${useless.variable} right, or unset it`,
  );
}

/** Who signed the service's certificate, and until when it is valid. */
export async function checkCertificate(facts: Facts): Promise<Finding> {
  const { context } = facts;
  const { url: text } = (await facts.target()).target;
  const url = new URL(text);
  if (url.protocol !== "https:") return ok("none: http has none");
  const proxy = proxyFor(context, url);
  if (proxy) {
    return skipped(`the proxy ${proxy.host} is between here and the service`);
  }
  const shown = await shownCertificate(url, context.signal);
  if (!shown) return skipped("the service did not show it a second time");
  const { issuer = "an authority without a name", expiresAt } = shown;
  const found = (await trusted(facts)).flatMap(({ from, certificates }) => {
    const name = findSigner(certificates, shown.signers);
    return name === undefined ? [] : [{ name, from }];
  })[0];
  const root = found && found.name !== issuer ? `, below ${found.name}` : "";
  const where = found ? `${root}, ${found.from}` : "";
  const message = `issued by ${issuer}${where}`;
  if (!expiresAt) return ok(message);
  const now = context.now();
  const dated = `${message}; it ${expiryText(expiresAt, now)}`;
  return expiresAt.getTime() - now.getTime() < SOON
    ? warning(dated, "the service must renew its certificate")
    : ok(dated);
}

/** All authorities, by where they come from. Throws `usage` for an unusable CA file. */
async function trusted(facts: Facts): Promise<Trusted[]> {
  const { context, options } = facts;
  const { sources } = await facts.authorities();
  const caFile = caFileOf(context, options);
  const isOurs = !context.env.get("DENO_TLS_CA_STORE");
  return [
    ...isOurs ? [{ from: "built in", certificates: builtInAuthorities() }] : [],
    ...sources.map((source) => ({ ...source, from: placeText(source) })),
    ...caFile === undefined ? [] : [{
      from: `from ${
        options.caFile === undefined ? "NANOCTL_CA_FILE" : "--ca-file"
      } (${caFile})`,
      certificates: await readCaFile(caFile, context.now()),
    }],
  ];
}

function placeText({ variable, path }: AuthoritySource): string {
  return `${variable ? `from ${variable}` : "of this machine"} (${path})`;
}
