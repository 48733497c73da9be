/**
 * Relabels a folder of images, and reads one label map back: which class each cell shows.
 *
 *     deno run --allow-read --allow-write --allow-ffi examples/relabel_folder.ts [IMAGES [LABELS]]
 *
 * @module
 */

import {
  loadAnnotator,
  openImages,
  openLabelMaps,
  SAMPLE_ANNOTATOR,
  SAMPLE_IMAGES,
  writeLabelMaps,
} from "@relabel/relabel";

const [path = SAMPLE_IMAGES, folder = await Deno.makeTempDir()] = Deno.args;

const annotator = await loadAnnotator(SAMPLE_ANNOTATOR);
const { rejected } = await writeLabelMaps(folder, await openImages(path), annotator);
annotator.close();

const labelMaps = await openLabelMaps(folder);
console.log(`${labelMaps.length} label maps in ${folder}, ${rejected} images rejected`);
const [height, width] = labelMaps.metadata.grid;
const row = await labelMaps.get(0);
const names = labelMaps.classes?.name ?? [];
console.log(`${row.key}, ${row.width} x ${row.height} pixels: ${names[row.topClass[0]]}`);
for (let y = 0; y < height; y++) {
  // The first H x W classes of [k, H, W] are the best of each cell.
  const cells = row.class.subarray(y * width, (y + 1) * width);
  console.log(Array.from(cells, (index) => (names[index] ?? String(index)).slice(0, 10).padEnd(11)).join(""));
}
labelMaps.close();
