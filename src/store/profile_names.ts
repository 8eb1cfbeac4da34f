import { isCredentialFile } from "./file_format.ts";
import { foldersOf, type Place } from "./paths.ts";
import { isProfileName } from "./profile_name.ts";

/**
 * The names of the stored profiles, sorted. Reading them takes neither the key nor
 * the lock. None if the file can't be read; and none that nanoctl would not store,
 * as someone else may have written the file.
 */
export function profileNames(place: Place): string[] {
  const { credentials } = foldersOf(place);
  if (credentials === undefined) return [];
  try {
    // Opening a named pipe would wait for its other end.
    if (!Deno.statSync(credentials).isFile) return [];
    const data: unknown = JSON.parse(Deno.readTextFileSync(credentials));
    if (!isCredentialFile(data)) return [];
    return Object.keys(data.profiles).filter(isProfileName).sort();
  } catch {
    return [];
  }
}
