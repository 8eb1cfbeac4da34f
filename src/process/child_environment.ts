import { systemOf } from "./system/systems.ts";

/** Variables of nanoctl and its services, which may hold a token or a key. */
const OWN_VARIABLE = /^(NANOCTL|NANOSERVICES|CODER)_/;

/** The environment for a program that has nothing to do with our tokens. */
export function childEnvironment(
  env: Record<string, string>,
  os: string,
): Record<string, string> {
  const { variableKey } = systemOf(os);
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => !OWN_VARIABLE.test(variableKey(name))),
  );
}

/** An environment without these variables, however their names are written. */
export function withoutVariables(
  env: Record<string, string>,
  names: readonly string[],
  os: string,
): Record<string, string> {
  const { variableKey } = systemOf(os);
  const keys = new Set(names.map(variableKey));
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !keys.has(variableKey(name))),
  );
}
