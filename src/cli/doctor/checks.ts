import { hasCode, NanoctlError } from "../../errors.ts";
import { whileWaiting } from "../spinner.ts";
import { checkAuthorities, checkCertificate } from "./authorities.ts";
import { checkCredentials, checkKey } from "./credentials.ts";
import type { Facts } from "./facts.ts";
import { failed, type Finding, skipped } from "./finding.ts";
import { checkPaths } from "./paths.ts";
import { checkPermissions } from "./permissions.ts";
import { checkProxy } from "./proxy.ts";
import { checkClock, checkReachability } from "./reachability.ts";
import { checkService } from "./service.ts";
import { checkLogin, checkToken } from "./token.ts";

/** The checks by name. */
export type CheckName =
  | "paths"
  | "permissions"
  | "credentials"
  | "key"
  | "service"
  | "proxy"
  | "authorities"
  | "reachability"
  | "certificate"
  | "clock"
  | "login"
  | "token";

/** The checks that another one needs; of each, why the other can't be made without it. */
type Needs = Partial<Record<CheckName, string>>;

/** A check, in its place in the order. */
export interface Check {
  readonly name: CheckName;
  /** It is skipped if one of these failed or was skipped itself. */
  readonly needs?: Needs;
  /** The same, where the token is a stored one. */
  readonly needsIfStored?: Needs;
  /** Whether it asks the network, which can take long. */
  readonly isSlow?: true;
  /** Says what it found; a `NanoctlError` that it throws is a failure. */
  run(facts: Facts): Finding | Promise<Finding>;
}

/** What a check found. */
export interface NamedFinding {
  name: CheckName;
  finding: Finding;
}

const NO_PLACE = { paths: "there is no place for files" };
const NO_SERVICE = { service: "it is not known which service is meant" };
const UNREACHABLE = { reachability: "the service can't be reached" };

/** All checks in their order: each comes after those that it needs. */
export const CHECKS: readonly Check[] = [
  { name: "paths", run: checkPaths },
  {
    name: "permissions",
    needs: NO_PLACE,
    run: checkPermissions,
  },
  {
    name: "credentials",
    needs: NO_PLACE,
    run: checkCredentials,
  },
  {
    name: "key",
    needs: {
      credentials: "the credential file can't be read",
      permissions: "commands refuse a key with these permissions",
    },
    run: checkKey,
  },
  { name: "service", run: checkService },
  { name: "proxy", needs: NO_SERVICE, run: checkProxy },
  { name: "authorities", run: checkAuthorities },
  {
    name: "reachability",
    needs: {
      ...NO_SERVICE,
      proxy: "it is not known which proxy leads to the service",
      authorities: "a client needs the authorities",
    },
    isSlow: true,
    run: checkReachability,
  },
  {
    name: "certificate",
    needs: UNREACHABLE,
    isSlow: true,
    run: checkCertificate,
  },
  { name: "clock", needs: UNREACHABLE, run: checkClock },
  {
    name: "login",
    needs: NO_SERVICE,
    needsIfStored: { credentials: "the credential file can't be read" },
    run: checkLogin,
  },
  {
    name: "token",
    needs: { login: "no token is known", ...UNREACHABLE },
    needsIfStored: { key: "the key that it is encrypted with was not opened" },
    isSlow: true,
    run: checkToken,
  },
];

/** Runs checks one after the other, and skips those that lack what they need. Throws `interrupted`. */
export async function* runChecks(
  facts: Facts,
  checks: readonly Check[],
): AsyncGenerator<NamedFinding> {
  const missing = new Set<CheckName>();
  for (const check of checks) {
    const why = whyNot(check, facts, missing);
    const finding = why === undefined ? await run(check, facts) : skipped(why);
    if (finding.result === "failed" || finding.result === "skipped") {
      missing.add(check.name);
    }
    yield { name: check.name, finding };
  }
}

function whyNot(
  { needs, needsIfStored }: Check,
  { isTokenGiven }: Facts,
  missing: Set<CheckName>,
): string | undefined {
  const all: Needs = { ...needs, ...isTokenGiven ? {} : needsIfStored };
  const known: ReadonlySet<string> = missing;
  return Object.entries(all).find(([name]) => known.has(name))?.[1];
}

async function run(check: Check, facts: Facts): Promise<Finding> {
  const { context, options, output } = facts;
  const quiet = !check.isSlow || options.quiet || output.json;
  try {
    return await whileWaiting(
      context,
      { quiet },
      `Checking ${check.name}`,
      async () => await check.run(facts),
    );
  } catch (error) {
    const isOurs = error instanceof NanoctlError;
    if (!isOurs || hasCode(error, "interrupted")) throw error;
    return failed(error);
  }
}
