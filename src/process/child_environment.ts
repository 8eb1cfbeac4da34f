/** Variables of nanoctl and its services, which may hold a token or a key. */
const OWN_VARIABLE = /^(NANOCTL|NANOSERVICES|CODER)_/;

/** The environment for a program that has nothing to do with our tokens. */
export function childEnvironment(
  env: Record<string, string>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !OWN_VARIABLE.test(name)),
  );
}
