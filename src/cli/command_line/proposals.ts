/** Commands of gh, doctl, gcloud, docker and kubectl, and ours for the same purpose. */
const OTHER_TOOLS: Record<string, readonly string[]> = {
  "access-token": ["external-auth access-token"],
  "auth": ["login", "logout", "status", "token"],
  "auth init": ["login"],
  "auth list": ["status"],
  "auth login": ["login"],
  "auth logout": ["logout"],
  "auth print-access-token": ["token"],
  "auth refresh": ["login"],
  "auth remove": ["logout"],
  "auth revoke": ["logout --revoke"],
  "auth setup-git": [],
  "auth status": ["status"],
  "auth switch": ["use"],
  "auth token": ["token"],
  "config": ["status"],
  "config use-context": ["use"],
  "context": ["status"],
  "context use": ["use"],
  "contexts": ["status"],
  "current-context": ["status"],
  "get-contexts": ["status"],
  "log-in": ["login"],
  "log-out": ["logout"],
  "logoff": ["logout"],
  "me": ["whoami"],
  "print-access-token": ["token"],
  "print-token": ["token"],
  "profile": ["status"],
  "profile use": ["use"],
  "profiles": ["status"],
  "run": ["exec"],
  "sign-in": ["login"],
  "sign-out": ["logout"],
  "signin": ["login"],
  "signout": ["logout"],
  "switch": ["use"],
  "use-context": ["use"],
  "version": ["--version"],
};

/**
 * The commands to propose for an unknown one: ours for the same purpose where
 * another tool has that command, else the closest name.
 *
 * @param next The word after the unknown command, if any.
 */
export function proposedCommands(
  word: string,
  next: string | undefined,
  names: readonly string[],
): string[] {
  const known = own(`${word} ${next}`) ?? own(word);
  if (known) return [...known];
  const closest = closestName(word, names);
  return closest === undefined ? [] : [closest];
}

function own(words: string): readonly string[] | undefined {
  return Object.hasOwn(OTHER_TOOLS, words) ? OTHER_TOOLS[words] : undefined;
}

/** More edits than this make another word. */
const MAX_EDITS = 2;

/**
 * The only name that starts with `word`, else the name with the smallest edit
 * distance: two at most, and less than half of the word's length. Undefined if
 * there is none, or a tie.
 */
export function closestName(
  word: string,
  names: readonly string[],
): string | undefined {
  const begun = names.filter((name) => name.startsWith(word));
  if (begun.length === 1) return begun[0];
  const edits = new Map(names.map((name) => [name, distance(word, name)]));
  const fewest = Math.min(...edits.values());
  if (fewest > MAX_EDITS || 2 * fewest >= word.length) return undefined;
  const [closest, ...others] = names
    .filter((name) => edits.get(name) === fewest);
  return others.length > 0 ? undefined : closest;
}

/** The edit distance, with a swap of neighbours as one edit (optimal string alignment). */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const above = row;
    row = [line];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[line - 1] === to[column - 1];
      const isSwapped = from[line - 1] === to[column - 2] &&
        from[line - 2] === to[column - 1];
      row[column] = Math.min(
        (above[column] ?? 0) + 1,
        (row[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    before = above;
  }
  return row[to.length] ?? 0;
}
