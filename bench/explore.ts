/**
 * How long the page of `deno task explore` waits on a million label maps, and what memory its server takes:
 * `deno task bench:explore`. Linux only. Fails if the first page takes a second, a filter three, or an answer is wrong.
 *
 * Two folders are generated, and deleted afterwards; a million label maps take 2 GB.
 *
 * @module
 */

import { MULTI_LABEL_THRESHOLD } from "../formats/labels/mod.ts";
import { imageNetClassNames } from "../pipeline/model/class_names.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { formatCount } from "../pipeline/command/numbers.ts";
import { type Measured, measureExplorer } from "./explore/measure.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { writeLargeFolder } from "./query/large_folder.ts";
import { countRows } from "./query/row_counts.ts";
import { formatTable } from "./table.ts";

/** Seconds that the first page may take, and a filter. */
const FIRST_PAGE = 1;
const FILTER = 3;

const { few, many } = readBenchOptions("bench:explore", {
  few: count({ default: 100_000, help: "label maps of the smaller folder, thousands" }),
  many: count({ default: 1_000_000, help: "of the larger one" }),
});

console.log(describeMachine());
const measured: Measured[] = [];
for (const images of [few, many]) {
  const path = Deno.makeTempDirSync({ prefix: "relabel_explore_" });
  try {
    const folder = writeLargeFolder(path, images, await imageNetClassNames());
    measured.push(await measureExplorer(path, images, countRows(folder, images, MULTI_LABEL_THRESHOLD)));
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}
const seconds = (
  name: string,
  of: (measured: Measured) => number,
) => [name, ...measured.map((one) => of(one).toFixed(2))];
const mebibytes = (name: string, place: 0 | 1 | 2 | 3) => [
  name,
  ...measured.map(({ peaks }) => (peaks[place] / 2 ** 20).toFixed(0)),
];
console.log(formatTable([
  ["", ...[few, many].map((images) => formatCount(images))],
  seconds("start, s", ({ start }) => start),
  seconds("first page, s", ({ firstPage }) => firstPage),
  seconds("first filter, with its table, s", ({ firstFilter }) => firstFilter),
  seconds("all scores, from the start, s", ({ scored }) => scored),
  ...measured[0].filters.map(({ name }, index) => seconds(`${name}, s`, ({ filters }) => filters[index].seconds)),
  seconds("page at nine tenths, s", ({ deepPage }) => deepPage),
  mebibytes("peak memory, start, MiB", 0),
  mebibytes("scores", 1),
  mebibytes("filters", 2),
  mebibytes("100 pages", 3),
]));
const isSlow = measured.some(({ firstPage, firstFilter, filters }) =>
  firstPage >= FIRST_PAGE || firstFilter >= FILTER || filters.some(({ seconds }) => seconds >= FILTER)
);
if (isSlow) Deno.exitCode = 1;
