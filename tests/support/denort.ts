const RUNTIME = new URL("../../.runtime/denort", import.meta.url).pathname;

/** The variables by which `deno compile` takes the runtime that set-up chose for dist/nanoctl. */
export async function denortOfSetUp(): Promise<Record<string, string>> {
  if (Deno.env.has("DENORT_BIN")) return {};
  const here = await Deno.stat(RUNTIME).catch(() => undefined);
  return here ? { DENORT_BIN: RUNTIME } : {};
}
