const RUNTIME = new URL("../../.runtime/denort", import.meta.url).pathname;

/** The variables that make `deno compile` use the runtime that setup chose for dist/nanoctl. */
export async function denortOfSetUp(): Promise<Record<string, string>> {
  if (Deno.env.has("DENORT_BIN")) return {};
  const here = await Deno.stat(RUNTIME).catch(() => undefined);
  return here ? { DENORT_BIN: RUNTIME } : {};
}
