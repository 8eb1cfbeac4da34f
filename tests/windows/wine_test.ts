import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { fromFileUrl } from "@std/path";
import { WINE, WINE_SERVER, wineVariables } from "../../scripts/elsewhere.ts";
import { latin1 } from "../support/nanoctl.ts";
import { type Provided, provided, testLogin } from "../support/elsewhere.ts";
import { PATH, programs } from "../support/store_files.ts";

const COMPILER = "x86_64-w64-mingw32-gcc";
const SOURCE = fromFileUrl(new URL("bcryptprimitives.c", import.meta.url));
const APP_DATA = "AppData/Roaming/nanoctl";
const LOCAL_APP_DATA = "AppData/Local/nanoctl";

/** Also makes what Wine lacks, and the folder in which it has its drive C:. */
async function inWine(): Promise<Provided> {
  const missing = programs(COMPILER)();
  if (missing !== undefined) return { missing };
  const windows = await provided("windows-x64");
  const { folder } = windows.program ?? {};
  if (folder === undefined) return windows;
  const dll = `${folder}/bcryptprimitives.dll`;
  await succeed(COMPILER, ["-shared", "-o", dll, SOURCE, "-ladvapi32"], folder);
  await stopWine(folder);
  await succeed(WINE, ["wineboot", "--init"], folder);
  return windows;
}

/** Ends all programs of this Wine: one that was killed leaves a server at which the next one hangs. */
async function stopWine(folder: string): Promise<void> {
  // It fails if there is none.
  await command(WINE_SERVER, ["--kill"], folder).output();
}

function command(
  program: string,
  args: string[],
  folder: string,
): Deno.Command {
  return new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { PATH, HOME: folder, ...wineVariables(folder) },
    stdin: "null",
  });
}

async function succeed(
  program: string,
  args: string[],
  folder: string,
): Promise<void> {
  const { code, stderr } = await command(program, args, folder).output();
  assertEquals(code, 0, `${program}: ${new TextDecoder().decode(stderr)}`);
}

const windows = await inWine();
const suite = windows.missing === undefined ? describe : describe.skip;
const why = windows.missing === undefined
  ? ""
  : ` (skipped: ${windows.missing})`;

suite(`Windows on x64, in Wine,${why}`, () => {
  /** The user's folder, whoever that is. */
  const userFolder = (): string => {
    const users = `${windows.program?.folder}/prefix/drive_c/users`;
    const [user] = [...Deno.readDirSync(users)]
      .filter(({ name }) => name !== "Public");
    assert(user, `there is no user in ${users}`);
    return `${users}/${user.name}`;
  };
  const stored = (folder: string): string[] =>
    [...Deno.readDirSync(`${userFolder()}/${folder}`)]
      .map(({ name }) => name).sort();
  const forget = async (): Promise<void> => {
    for (const folder of [APP_DATA, LOCAL_APP_DATA]) {
      await Deno.remove(`${userFolder()}/${folder}`, { recursive: true })
        .catch((error) => {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        });
    }
  };
  beforeAll(forget);
  afterAll(async () => {
    await forget();
    await stopWine(windows.program?.folder ?? "");
  });

  testLogin({
    provided: windows,
    userAgent: /^nanoctl\/\S+ \(windows; x86_64\)$/,
    checkStored: (home, token): void => {
      assertEquals(home.entries(), ["ca.pem"]);
      const files = ["credentials.json", "credentials.lock"];
      assertEquals(stored(APP_DATA), files);
      assertEquals(stored(LOCAL_APP_DATA), ["key", "key.lock"]);
      const file = `${userFolder()}/${APP_DATA}/credentials.json`;
      assert(!latin1(Deno.readFileSync(file)).includes(token));
    },
    checkLoggedOut: (): void => {
      const file = `${userFolder()}/${APP_DATA}/credentials.json`;
      assertEquals(JSON.parse(Deno.readTextFileSync(file)).profiles, {});
    },
  });
});
