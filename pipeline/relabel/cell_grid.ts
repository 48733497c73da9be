/**
 * Where in a picture things are: the top class of each cell as a letter, with a legend.
 *
 *     a a a b b    a  Egyptian cat  3 cells
 *     . b b b c    b  espresso      5
 *
 * @module
 */

import { formatNumberOf } from "../command/numbers.ts";

/** Columns of letters at most; a wider map is shown by every second, third, ... of its cells. */
const MOST_COLUMNS = 16;

/** What stands for a class that has no letter. */
const OTHER = ".";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** Backgrounds of the first letters, from the terminal's 256 colours: light ones that differ also for the colour-blind. */
const COLOURS = [117, 215, 151, 219, 229, 110, 180, 253];

/** How cells are drawn. */
export interface CellGridOptions {
  /** Names a class, by a text that is fit for a terminal. */
  readonly name: (index: number) => string;
  /** Whether cells have coloured backgrounds; the letters are there in either case. */
  readonly colour: boolean;
}

/**
 * Draws the top class of each cell.
 *
 * Classes get letters by the number of their cells, the most frequent one `a`. There are as many as the drawing has
 * rows, so that the legend stands beside it; the others share `.` and a line.
 *
 * @param topClasses Class indices `[H, W]`.
 * @param grid `[H, W]`.
 * @param options Names and colours.
 * @returns The drawing's lines.
 */
export function drawCellGrid(
  topClasses: ArrayLike<number>,
  [height, width]: readonly [number, number],
  { name, colour }: CellGridOptions,
): string[] {
  const step = Math.ceil(width / MOST_COLUMNS);
  const rows = Array.from({ length: Math.ceil(height / step) }, (_, row) => row * step);
  const columns = Array.from({ length: Math.ceil(width / step) }, (_, column) => column * step);
  const counts = new Map<number, number>();
  for (let cell = 0; cell < height * width; cell++) {
    counts.set(topClasses[cell], (counts.get(topClasses[cell]) ?? 0) + 1);
  }
  const ranked = [...counts].sort(([a, cellsA], [b, cellsB]) => cellsB - cellsA || a - b);
  const room = Math.min(LETTERS.length, Math.max(rows.length, 3));
  const named = ranked.slice(0, ranked.length > room ? room - 1 : room);
  const letters = new Map(named.map(([index], rank) => [index, rank]));
  const legend = legendLines(named, ranked.slice(named.length), name);
  const drawing = rows.map((row) =>
    columns.map((column) => letter(letters.get(topClasses[row * width + column]), colour)).join("")
  );
  const blank = " ".repeat(columns.length * 2);
  return Array.from({ length: Math.max(drawing.length, legend.length) }, (_, line) => {
    return `${drawing[line] ?? blank}  ${legend[line] ?? ""}`.trimEnd();
  });
}

function letter(rank: number | undefined, colour: boolean): string {
  if (rank === undefined) return `${OTHER} `;
  const text = `${LETTERS[rank]} `;
  return colour && rank < COLOURS.length ? `\x1b[30;48;5;${COLOURS[rank]}m${text}\x1b[0m` : text;
}

function legendLines(
  named: readonly (readonly [number, number])[],
  others: readonly (readonly [number, number])[],
  name: (index: number) => string,
): string[] {
  const lines = named.map(([index, cells], rank) => [LETTERS[rank], name(index), cells] as const);
  if (others.length > 0) {
    const cells = others.reduce((sum, [, count]) => sum + count, 0);
    lines.push([OTHER, formatNumberOf(others.length, "other class", "other classes"), cells]);
  }
  const width = Math.max(...lines.map(([, text]) => text.length));
  return lines.map(([sign, text, cells], line) => {
    const unit = line > 0 ? "" : cells === 1 ? " cell" : " cells";
    return `${sign}  ${text.padEnd(width)}  ${cells}${unit}`;
  });
}
