/**
 * What the paper's section 3.3 reckons, measured here: `deno task bench:costs`, for the user's images, annotator and network.
 *
 * Label maps are made once, of whole images; a training takes a step per image and epoch, whose images are in memory here, as
 * decoding goes on beside it. LabelPooling is timed by itself, its upload included, beside the whole step. Distillation would
 * run the annotator on each crop of each step, at the annotator's own size.
 *
 * @module
 */

import { type DecodedImage, decodeImage, type ImageSource, openImages } from "../formats/images/mod.ts";
import { readImageFile } from "../formats/images/image_file.ts";
import type { LabelMapBatch } from "../formats/base/label_map.ts";
import { classArray, SCORE_ARRAYS } from "../formats/base/label_map.ts";
import { closeDevice } from "../kernels/engine/device.ts";
import { sampleAugmentation } from "../kernels/operations/augmentation/mod.ts";
import type { TrainingBatch } from "../kernels/programs/training/trainer.ts";
import { formatBytes, formatCount, formatDuration } from "../pipeline/command/numbers.ts";
import { count, text } from "../pipeline/command/option_kinds.ts";
import { loadAnnotator } from "../pipeline/model/load_annotator.ts";
import { estimateLabelMaps } from "../pipeline/relabel/estimate.ts";
import { DEFAULT_ANNOTATOR, PHOTOGRAPHS } from "./default_annotator.ts";
import { openBenchDevice } from "./device.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { createPoolingStep } from "./pooling/sparse.ts";
import { createStepRunner, stepAugmentation } from "./step_runner.ts";
import { formatTable } from "./table.ts";
import { median, timeInTurns } from "./timing.ts";

const options = readBenchOptions("bench:costs", {
  images: text({ value: "IMAGES", default: PHOTOGRAPHS, help: "the data set: a folder, tar shards or Parquet" }),
  annotator: text({ value: "A", default: DEFAULT_ANNOTATOR, help: "a folder or weight file, as in deno task relabel" }),
  network: text({ value: "NAME", default: "resnet50", help: "timm's name of what is trained" }),
  size: count({ default: 224, help: "pixels that it is trained at" }),
  epochs: count({ default: 300, help: "of the training" }),
  rounds: count({ default: 3, help: "timings of each contestant" }),
  batch: count({ help: "images of a step; default 4 in software, 128 on a GPU" }),
});
const { size, epochs } = options;
const source = await openImages(options.images);
const annotator = await loadAnnotator(options.annotator, { k: 5, dtype: "fp16" });
const estimate = await estimateLabelMaps(source, annotator, {});
if (!estimate) throw new TypeError(`Cannot measure costs of "${options.images}": there are no images`);
const device = await openBenchDevice();
console.log(`${describeMachine()}\n${describeDevice(device)}`);

const batch = options.batch ?? { software: 4, gpu: 128 }[device.capabilities.profile];
const images = await firstImages(source, batch);
const maps = await mapsOf(images);
annotator.close();
const { k, grid, classes, dtype } = maps;
const samples = images.map((image, index) =>
  sampleAugmentation(stepAugmentation(size), { seed: 1, epoch: 0, index }, image)
);
const crops = samples.map(({ crop }) => crop);
const step: TrainingBatch = { images, samples, seeds: new Uint32Array(batch), maps };
const trained = await createStepRunner(device, "step", {
  architecture: options.network,
  classes,
  batch,
  size,
  targets: { type: "pooled", maps: { k, grid, classes, dtype }, pooling: {} },
  step,
});
await trained.loss();
const pooling = await createPoolingStep(device, maps, crops);
const [stepTime, poolingTime] = (await timeInTurns([trained, pooling], options.rounds))
  .map(({ milliseconds }) => median(milliseconds));
trained.trainer.close();
pooling.close();
closeDevice(device);

const bytes = await bytesOf(source);
const [perMap, perStep] = [1 / estimate.imagesPerSecond, stepTime / batch / 1000];
const training = epochs * estimate.images * perStep;
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
console.log(
  `${formatCount(estimate.images)} images, ${formatBytes(bytes)}; maps of ${annotator.metadata.annotator.name}, ${
    grid.join(" x ")
  } cells, k = ${k}, ${dtype}; ${options.network} at ${size} x ${size}, batch ${batch}, ${epochs} epochs`,
);
console.log(formatTable([
  ["", "measured", "share", "paper"],
  ["a training, without decoding", formatDuration(training), "100 %", "328 GPU-hours"],
  ["label maps, once", formatDuration(estimate.seconds), `${percent(estimate.seconds / training)} of it`, "3.3 %"],
  [
    "LabelPooling in a step",
    `${poolingTime.toFixed(2)} of ${stepTime.toFixed(0)} ms`,
    `${percent(poolingTime / stepTime)} of it`,
    "0.5 %",
  ],
  ["bytes of label maps", formatBytes(estimate.bytes), `${percent(estimate.bytes / bytes)} of the images`, "10 %"],
  [
    "distillation from it, by arithmetic",
    formatDuration(training + epochs * estimate.images * perMap),
    `${(1 + perMap / perStep).toFixed(2)} times`,
    "over 4 times (B7)",
  ],
]));

/** The first images that can be decoded, over and over if they are too few. */
async function firstImages(source: ImageSource, count: number): Promise<DecodedImage[]> {
  const images: DecodedImage[] = [];
  for await (const { bytes } of source.read()) {
    if (images.length === count) break;
    if ("unreadable" in bytes) continue;
    images.push(await decodeImage(bytes instanceof Uint8Array ? bytes : await readImageFile(bytes)));
  }
  return Array.from({ length: count }, (_, index) => images[index % images.length]);
}

/** Label maps of some images, one after the other. */
async function mapsOf(images: readonly DecodedImage[]): Promise<LabelMapBatch> {
  const { k, grid: [height, width], classes, dtype } = annotator.metadata;
  const length = k * height * width;
  const all: LabelMapBatch = {
    count: images.length,
    k,
    grid: [height, width],
    classes,
    dtype,
    class: new (classArray(classes))(images.length * length),
    score: new SCORE_ARRAYS[dtype](images.length * length),
  };
  for (let start = 0; start < images.length; start += annotator.batch) {
    const some = await annotator.annotate(images.slice(start, start + annotator.batch));
    some.forEach((map, index) => {
      all.class.set(map.class, (start + index) * length);
      all.score.set(map.score, (start + index) * length);
    });
  }
  return all;
}

/** Bytes of all images, or of the files that hold them where theirs are not known. */
async function bytesOf(source: ImageSource): Promise<number> {
  const files = new Set<string>();
  let bytes = 0;
  for await (const { path, place } of source.list()) {
    if (place && "path" in place && place.range) bytes += place.range.length;
    else files.add(path);
  }
  for (const path of files) bytes += (await Deno.stat(path)).size;
  return bytes;
}
