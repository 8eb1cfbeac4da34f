/**
 * Draws docs/demo.svg, a part of what the demo prints, as a terminal shows it:
 *
 *   deno task picture
 *
 * The picture is the same for each run of the same program, so
 * tests/docs/readme_test.ts can tell a stale one.
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { wrap } from "../../src/cli/wrap.ts";
import { runDeno, say, SetupError } from "../process.ts";

/** The picture, below the root. */
export const PICTURE = "docs/demo.svg";

/** The commands of the demo that are drawn, by the start of their caption. */
const DRAWN = [
  "A machine logs in with the environment",
  "A person logs in at a masked prompt",
  "Now every command knows you",
  "A script takes the token",
  "A token that has expired",
  "On a cloud instance it needs no secret",
  "Log out, and end the token",
];

const COLUMNS = 84;
/** In pixels. */
const [CHARACTER, LINE, MARGIN, BAR] = [8.43, 20, 24, 36] as const;

const STYLE = `
    :root { --page: #ffffff; --line: #d0d7de; --text: #1f2328; --note: #59636e; --mark: #0550ae; --fault: #cf222e }
    @media (prefers-color-scheme: dark) {
      :root { --page: #0d1117; --line: #3d444d; --text: #e6edf3; --note: #9198a1; --mark: #79c0ff; --fault: #ff7b72 }
    }
    rect { fill: var(--page); stroke: var(--line) }
    circle { fill: var(--line) }
    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: var(--text) }
    .note { fill: var(--note) } .mark { fill: var(--mark) } .fault { fill: var(--fault) }
`;

/**
 * What the demo prints, with what differs from run to run made the same.
 *
 * Throws a SetupError if the demo fails.
 */
export async function demoTranscript(root: string): Promise<string> {
  const { success, stdout, stderr } = await runDeno(
    ["run", "-A", join(root, "scripts/demo.ts")],
    { cwd: root, env: { NO_COLOR: "1" } },
  );
  if (!success) throw new SetupError(`the demo failed: ${stdout}${stderr}`);
  return settled(stdout);
}

/** A transcript of the demo with one port, home, date and token. */
export function settled(transcript: string): string {
  return transcript.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:8090")
    .replaceAll(/\/\S+\/\.config\//g, "/home/ada/.config/")
    .replaceAll(/\d{4}-\d\d-\d\d/g, "2027-01-31")
    .replaceAll(/gho_\w+/g, "gho_FgDSv1AMdljmuQK0FNfDP20jCJoLSPmmsjzv")
    .replaceAll(/"sealed": "\S+/g, '"sealed": "…');
}

/**
 * The picture of a settled transcript.
 *
 * Throws a SetupError if a command that is to be drawn is not in it.
 */
export function pictureOf(transcript: string): string {
  const steps = transcript.split("\n\n");
  const lines = DRAWN.flatMap((caption, index) => {
    const step = steps.find((text) => text.startsWith(`# ${caption}`));
    if (!step) throw new SetupError(`the demo no longer shows: ${caption}`);
    return [...index === 0 ? [] : [""], ...step.split("\n")];
  }).flatMap(inColumns);
  const width = Math.ceil(COLUMNS * CHARACTER) + 2 * MARGIN;
  const height = BAR + lines.length * LINE + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">`,
    `  <title id="title">nanoctl logs in, prints a token to a script and logs out</title>`,
    `  <style>${STYLE}  </style>`,
    `  <rect x="0.5" y="0.5" width="${width - 1}" height="${
      height - 1
    }" rx="8"/>`,
    ...[20, 38, 56].map((x) => `  <circle cx="${x}" cy="18" r="5"/>`),
    ...lines.flatMap((line, index) =>
      line === "" ? [] : [drawn(line, BAR + (index + 1) * LINE)]
    ),
    "</svg>",
    "",
  ].join("\n");
}

/** A line as a terminal of so many columns breaks it, at spaces. */
function inColumns(line: string): string[] {
  return wrap(line.split(" "), COLUMNS);
}

function drawn(line: string, y: number): string {
  const kind = line.startsWith("# ") || line.startsWith("(exit")
    ? ' class="note"'
    : line.startsWith("error: ")
    ? ' class="fault"'
    : "";
  const text = escaped(line).replace(
    /^\$ /,
    '<tspan class="mark">$ </tspan>',
  );
  return `  <text x="${MARGIN}" y="${y}"${kind}>${text}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

if (import.meta.main) {
  const root = join(dirname(fromFileUrl(import.meta.url)), "../..");
  const picture = pictureOf(await demoTranscript(root));
  await Deno.writeTextFile(join(root, PICTURE), picture);
  say(`Drew ${PICTURE}`);
}
