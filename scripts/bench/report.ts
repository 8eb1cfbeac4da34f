/** Prints what was measured, as tables. */

import type { Goal } from "./goals.ts";
import type { Figures, Size } from "./measure.ts";

/** Prints the figures, the sizes and the goals. */
export function print(
  figures: Figures[],
  sizes: Size[],
  goals: Goal[],
  starts: number,
  timer: string,
): void {
  const fixed = (value: number | undefined, digits: number): string =>
    value === undefined ? "-" : value.toFixed(digits);
  const rows = figures.map((figure) => [
    figure.name,
    fixed(figure.median, 1),
    fixed(figure.lowest, 1),
    fixed(figure.ratio, 2),
    fixed(figure.above_floor, 1),
    fixed(figure.cpu, 1),
    fixed(figure.peak && figure.peak / 1024, 1),
  ]);
  const sizeRows = sizes.map(({ name, bytes, gzip }) => [
    name,
    (bytes / 1e6).toFixed(1),
    (gzip / 1e6).toFixed(1),
  ]);
  const text = [
    `${starts} starts each, taking turns; ${timer}`,
    "",
    ...table([
      ["", "median ms", "lowest", "x floor", "ms above", "CPU ms", "peak MiB"],
      ...rows,
    ]),
    "",
    ...table([["", "MB", "MB gzip"], ...sizeRows]),
    "",
    ...goals.map(({ goal, figure, met }) =>
      `${met ? "met   " : "missed"}  ${goal}: ${figure.toFixed(2)}`
    ),
  ].join("\n");
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** The first column to the left, the figures to the right. */
function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ")
  );
}
