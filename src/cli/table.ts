import { withoutSecrets } from "../secret.ts";
import { plainText } from "./output.ts";
import type { Style, Styling } from "./style.ts";

/** A text, with the style that it has on a terminal. */
export type Cell = string | { text: string; style: Style | undefined };

/** How a table is to look. */
export interface TableLayout {
  /** The columns that it may take; any number in a pipe. */
  columns?: number | undefined;
  style?: Styling;
  /** The same rows in fewer words, for a terminal that is too narrow for the others. */
  shorter?: () => Cell[][];
}

/** Between two columns. */
const GAP = "  ";

/**
 * Rows as text with aligned columns, the first row the headings. Where that is
 * wider than the terminal, even in fewer words, each row becomes a block of lines,
 * a heading and its cell in each.
 */
export async function table(
  rows: Cell[][],
  { columns = Infinity, style = (text) => text, shorter }: TableLayout = {},
): Promise<string> {
  const widthOf = await measure(rows);
  const cells = rows.map((row) => row.map((cell) => shown(cell, widthOf)));
  const widths = (cells[0] ?? []).map((_, column) =>
    cells.reduce((most, row) => Math.max(most, row[column]?.width ?? 0), 0)
  );
  const whole = widths.reduce((sum, width) => sum + width, 0) +
    GAP.length * (widths.length - 1);
  if (whole > columns) {
    return shorter
      ? await table(shorter(), { columns, style })
      : blocks(cells, style);
  }
  return cells.map((row) =>
    row.map(({ text, width, ...cell }, column) => {
      const isLast = row.slice(column + 1).every((next) => next.width === 0);
      const room = isLast ? 0 : (widths[column] ?? 0) - width;
      return style(text, cell.style) + " ".repeat(room);
    }).join(GAP).trimEnd()
  ).join("\n");
}

/** A cell as it is shown, and how many columns it takes. */
interface Shown {
  text: string;
  width: number;
  style: Style | undefined;
}

function shown(cell: Cell, widthOf: (text: string) => number): Shown {
  const { text, style } = typeof cell === "string"
    ? { text: cell, style: undefined }
    : cell;
  const clean = withoutSecrets(plainText(text));
  return { text: clean, width: widthOf(clean), style };
}

/** A row's first line is its name, with what stands before it; the others say what they are. */
function blocks([headings = [], ...rows]: Shown[][], style: Styling): string {
  const first = headings.findIndex(({ text }) => text !== "");
  return rows.map((row) => {
    const cells = row.map((cell, column) => ({
      heading: column > first ? headings[column]?.text ?? "" : "",
      text: style(cell.text, cell.style),
    })).filter(({ text }) => text !== "");
    const name = cells.filter(({ heading }) => heading === "")
      .map(({ text }) => text).join(" ");
    const others = cells.filter(({ heading }) => heading !== "")
      .map(({ heading, text }) => `${GAP}${heading} ${text}`);
    return [name, ...others].join("\n");
  }).join("\n");
}

/** How many columns a text takes; a library tells it for what is not ASCII, such as wide characters. */
async function measure(rows: Cell[][]): Promise<(text: string) => number> {
  const isAscii = (text: string): boolean => /^[ -~]*$/.test(text);
  const texts = rows.flat().map((cell) =>
    typeof cell === "string" ? cell : cell.text
  );
  if (texts.every(isAscii)) return (text) => text.length;
  const { default: stringWidth } = await import("string-width");
  return (text) => stringWidth(text);
}
