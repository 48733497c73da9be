/**
 * Which images show several things? Asks an annotator of your own, and keeps nothing on disk.
 *
 *     deno run --allow-read --allow-ffi examples/several_classes.ts [IMAGES [ANNOTATOR]]
 *
 * ANNOTATOR is a folder with `config.json` and weights as timm writes them, or a checkpoint with `config.json` beside it.
 *
 * @module
 */

import { loadAnnotator, multiLabel, openImages, relabel, SAMPLE_ANNOTATOR, SAMPLE_IMAGES } from "@relabel/relabel";

const [path = SAMPLE_IMAGES, folder = SAMPLE_ANNOTATOR] = Deno.args;

// Small things want a larger size than the annotator's own: 448 pixels give 14 x 14 cells here.
const annotator = await loadAnnotator(folder, { size: [448, 448], onWarning: console.warn });
for await (const labelled of relabel(await openImages(path), annotator)) {
  if ("reason" in labelled) {
    console.warn(`${labelled.key}: ${labelled.reason}`);
    continue;
  }
  const { row } = labelled;
  const found = multiLabel(row, annotator.metadata);
  if (found.length < 2) continue;
  const names = found.map(({ class: index, score }) =>
    `${annotator.classNames?.name[index] ?? index} ${score.toFixed(2)}`
  );
  console.log(`${row.key}: ${names.join(", ")}`);
}
annotator.close();
