/**
 * Folders to ask, and what the command prints of them.
 *
 * @module
 */

import {
  type ClassNames,
  type LabelMapMetadata,
  type LabelMapRow,
  openLabelMapFolder,
} from "../../../formats/labels/mod.ts";
import { main } from "../../../pipeline/query/main.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";

/** A folder of one part with some rows. */
export function folderOf(
  rows: readonly LabelMapRow[],
  metadata: LabelMapMetadata,
  names: { classes?: ClassNames; dataSetClasses?: ClassNames } = {},
): string {
  const path = Deno.makeTempDirSync();
  const folder = openLabelMapFolder(path, smallConfiguration({ metadata, rowsPerFile: 1000 }), names);
  const writer = folder.startPart(0);
  for (const row of rows) writer.append(row);
  writer.finish();
  folder.close();
  return path;
}

/** What is in an image: its label, and classes with the number of cells, of 16, that each fills. */
export interface ImageLabels {
  readonly label: number | null;
  /** The first one fills what the others leave. */
  readonly cells: readonly (readonly [index: number, cells: number])[];
  /** Of the class of each cell; 1 unless given. */
  readonly probability?: number;
}

/**
 * A folder of images `0.jpg`, `1.jpg`, ... of 12 classes of the annotator, with one class in each of 4 x 4 cells. Of a cell
 * of probability 1 the score of a class is n / (n + m / 2) by its number of cells and the largest one of another class.
 * What the classifier says of the whole image are the same classes, with their shares of the cells.
 */
export function folderOfImages(
  images: readonly ImageLabels[],
  names: { classes?: ClassNames; dataSetClasses?: ClassNames } = {},
): string {
  const metadata = smallMetadata({ k: 1, grid: [4, 4] });
  const rows = images.map(({ label, cells, probability = 1 }, index) => {
    const [[first], ...rest] = cells;
    const filled = rest.flatMap(([value, count]) => Array<number>(count).fill(value));
    const counts = [16 - filled.length, ...rest.map(([, count]) => count)];
    const known = cells.map(([value]) => value);
    const others = Array.from({ length: 12 }, (_, value) => value).filter((value) => !known.includes(value));
    // 11 classes of logit 0 beside it.
    const logit = probability === 1 ? 40 : Math.log(11 * probability / (1 - probability));
    return {
      ...smallRow(index, metadata),
      key: `${index}.jpg`,
      label,
      class: Uint16Array.from([...Array<number>(counts[0]).fill(first), ...filled]),
      score: new Float32Array(16).fill(logit),
      topClass: Uint16Array.from([...known, ...others].slice(0, 5)),
      topProbability: Float32Array.from({ length: 5 }, (_, rank) => (counts[rank] ?? 0) / 16),
    };
  });
  return folderOf(rows, metadata, names);
}

/** Names for 12 classes of the annotator: `tabby`, ... with wnids `n0` to `n11`. */
export const TWELVE: ClassNames = {
  wnid: Array.from({ length: 12 }, (_, index) => `n${index}`),
  name: [
    "tabby, tabby cat",
    "Egyptian cat",
    "espresso",
    "crane",
    "crane, lifting machine",
    "daisy",
    "sea lion, seal",
    "wax, seal",
    "pier",
    "dock",
    "reef",
    "boat",
  ],
};

/** What the command printed. */
export interface Printed {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the command and collects what it prints. */
export async function runQuery(...args: string[]): Promise<Printed> {
  const { log, error } = console;
  const lines = { out: [] as string[], error: [] as string[] };
  console.log = (line = "") => lines.out.push(line);
  console.error = (line: string) => lines.error.push(line);
  try {
    return { code: await main(args), out: lines.out.join("\n"), error: lines.error.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** The rows of an answer, parsed. */
// deno-lint-ignore no-explicit-any
export async function askRows(path: string, ...question: string[]): Promise<any[]> {
  const { code, out, error } = await runQuery(path, ...question, "--format", "json");
  if (code !== 0) throw new Error(error);
  return out === "" ? [] : out.split("\n").map((line) => JSON.parse(line));
}
