/** How those who come from gh, doctl, kubectl and others call our commands. */
const OTHER_NAMES = new Map(Object.entries({
  "auth": "login",
  "auth login": "login",
  "auth logout": "logout",
  "auth status": "status",
  "auth switch": "use",
  "auth token": "token",
  "auth list": "status",
  "access-token": "external-auth access-token",
  "context": "use",
  "contexts": "status",
  "log-in": "login",
  "log-out": "logout",
  "logoff": "logout",
  "profiles": "status",
  "sign-in": "login",
  "signin": "login",
  "sign-out": "logout",
  "signout": "logout",
  "switch": "use",
  "version": "--version",
}));

/** More edits than this make another word. */
const MOST_EDITS = 2;

/**
 * The command that was meant by words that are none: by the name that another
 * tool has for it, by a beginning that is one command's alone, or by a slip of
 * the hand. Undefined where nothing is near.
 *
 * @param words The unknown word and the one behind it, if there is one.
 * @param names The commands that there are in its place.
 */
export function suggestion(
  [word = "", next = ""]: string[],
  names: readonly string[],
): string | undefined {
  const other = OTHER_NAMES.get(`${word} ${next}`) ?? OTHER_NAMES.get(word);
  if (
    other !== undefined &&
    (names.includes(other.split(" ")[0] ?? "") || other.startsWith("-"))
  ) {
    return other;
  }
  const begun = names.filter((name) => name.startsWith(word));
  if (begun.length === 1) return begun[0];
  const most = Math.min(MOST_EDITS, (word.length - 1) / 2);
  return names
    .map((name) => ({ name, edits: edits(word, name) }))
    .filter(({ edits }) => edits <= most)
    .sort((one, other) => one.edits - other.edits)[0]?.name;
}

/** How many letters have to be put in, left out, changed or swapped with the next one. */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const now = [row];
    for (let at = 1; at <= to.length; at++) {
      const same = from[row - 1] === to[at - 1];
      const swapped = from[row - 1] === to[at - 2] &&
        from[row - 2] === to[at - 1];
      now.push(Math.min(
        (last[at] ?? 0) + 1,
        (now[at - 1] ?? 0) + 1,
        (last[at - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[at - 2] ?? 0) + 1 : Infinity,
      ));
    }
    [before, last] = [last, now];
  }
  return last[to.length] ?? 0;
}
