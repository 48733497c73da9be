/**
 * Targets for a training loop of your own: a random crop of every image, and what LabelPooling says that it shows.
 *
 *     deno run --allow-read --allow-write --allow-ffi examples/crop_targets.ts [LABELS]
 *
 * Without LABELS, a folder of label maps, it makes one of the photographs that are included.
 *
 * @module
 */

import {
  type Crop,
  loadAnnotator,
  openImages,
  openLabelMaps,
  poolLabels,
  SAMPLE_ANNOTATOR,
  SAMPLE_IMAGES,
  writeLabelMaps,
} from "@relabel/relabel";

const BATCH = 4;

/** A folder with label maps of the sample photographs. */
async function sampleLabels(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const annotator = await loadAnnotator(SAMPLE_ANNOTATOR);
  await writeLabelMaps(folder, await openImages(SAMPLE_IMAGES), annotator);
  annotator.close();
  return folder;
}

/** A crop that covers between a tenth and all of an image, in fractions of its sides. */
function randomCrop(): Crop {
  const side = () => Math.sqrt(0.1 + 0.9 * Math.random());
  const [height, width] = [side(), side()];
  return { top: Math.random() * (1 - height), left: Math.random() * (1 - width), height, width };
}

// With `preload` all classes and scores are in memory, and a batch is read in any order at once.
const labelMaps = await openLabelMaps(Deno.args[0] ?? await sampleLabels(), { preload: true });
const { classes } = labelMaps.metadata;
for (let start = 0; start < labelMaps.length; start += BATCH) {
  const indices = Array.from({ length: Math.min(BATCH, labelMaps.length - start) }, (_, place) => start + place);
  const crops = indices.map(randomCrop);
  // Probabilities [N, C]: what the cross-entropy of your network's output for these crops is taken with.
  const targets = poolLabels(await labelMaps.batch(indices), crops);
  for (const [place, index] of indices.entries()) {
    const target = targets.subarray(place * classes, (place + 1) * classes);
    const best = target.indexOf(Math.max(...target));
    const { key } = await labelMaps.get(index);
    console.log(`${key}: ${labelMaps.classes?.name[best] ?? best} ${target[best].toFixed(3)}`);
  }
}
labelMaps.close();
