/**
 * `deno task doctor --list-annotators`: which of timm's weights can be annotators, how large they are and how good.
 *
 * @module
 */

import { globToRegExp } from "@std/path";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { printLine } from "../command/terminal.ts";
import { countKnown, describeKnown, type KnownAnnotator, readKnownWeights } from "../model/known_annotators.ts";

/** Heads of the columns, and what stands in them. */
const COLUMNS: readonly (readonly [head: string, cell: (annotator: KnownAnnotator) => string])[] = [
  ["ReaL %", ({ real }) => real.toFixed(2)],
  ["GMACs", ({ multiplyAdds }) => (multiplyAdds / 1e9).toFixed(1)],
  ["params M", ({ parameters }) => (parameters / 1e6).toFixed(1)],
  ["pixels", ({ side }) => `${side}`],
];

/**
 * Prints the annotators whose names fit, the best first.
 *
 * @param pattern A part of the name, or with `*`, `?` or `[` all of it as a shell's pattern.
 * @returns The exit code: 1 if none fits.
 */
export async function printAnnotators(pattern: string): Promise<number> {
  const weights = await readKnownWeights();
  const whole = /[*?[]/.test(pattern) ? globToRegExp(pattern) : undefined;
  const found = weights.filter(({ name }) => whole ? whole.test(name) : name.includes(pattern));
  const annotators = found.filter(({ loads }) => loads).map(describeKnown);
  if (annotators.length > 0) {
    const rows = [
      COLUMNS.map(([head]) => head),
      ...annotators.map((annotator) => COLUMNS.map(([, cell]) => cell(annotator))),
    ];
    const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    rows.forEach((row, index) => {
      const cells = row.map((cell, column) => cell.padStart(widths[column]));
      printLine([...cells, index === 0 ? "name, for --annotator hf:timm/NAME" : annotators[index - 1].name].join("  "));
    });
    printLine("");
  }
  const { all, loaded } = countKnown(found);
  const total = countKnown(weights);
  printLine(
    `${formatNumberOf(loaded, "annotator")} of ${formatCount(all)} whose names fit; of all ${
      formatCount(total.all)
    } that ` +
      `timm has for ImageNet, ${formatCount(total.loaded)}, and of the 100 best by ReaL, ${total.loadedOfBest}`,
  );
  return annotators.length > 0 ? 0 : 1;
}
