/**
 * What cells are called by networks whose classifier has never seen a cell: `deno task bench:dense`; and by annotators of
 * ImageNet's classes on collages of four photographs, the one that is included and those that `--annotator` names.
 *
 * Small transformers, one that reads a class token and one that averages, label the cells of scenes of known truth
 * (`dense/texture_scenes.ts`), the first with each of the last blocks that `kernels/networks/transformer_block.ts` has for
 * cells. A cell counts where a disk covers half of it, and is called what its largest logit says; a quadrant, which holds
 * one disk, what the mean of its cells says. Beside it what one would say of all cells by the image alone.
 *
 * Fails if another last block than the usual one names 2 % more of the quadrants, the network that averages fewer than
 * two of five, or the annotator that is included fewer than two of three at twice its size.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { loadParameters, openWeights } from "../formats/weights/mod.ts";
import { closeDevice } from "../kernels/engine/device.ts";
import { buildVisionTransformer, DEFAULT_MIXING } from "../kernels/networks/vision_transformer.ts";
import type { Mixing } from "../kernels/networks/transformer_block.ts";
import { averaged } from "../kernels/networks/vision_transformer_members.ts";
import { type Network, type Parameters, parameterShapes } from "../kernels/operations/network.ts";
import { count, repeated, text } from "../pipeline/command/option_kinds.ts";
import { openBenchDevice } from "./device.ts";
import { logitsOf, namedShare, quadrantShare } from "./dense/naming.ts";
import { namePictures, readKnownPictures } from "./dense/photograph_quadrants.ts";
import { CLASSES, SIDE, textureQuadrants, textureScene } from "./dense/texture_scenes.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { formatTable } from "./table.ts";

/** Another seed than those that the networks were trained on. */
const SEED = 3;
const WANTED = 0.4;
const SLACK = 0.02;
const WANTED_OF_INCLUDED = 2 / 3;
/** Times an annotator's own size: at twice it, a quadrant is as large as what the annotator was trained on. */
const SCALES = [1, 2];

const { scenes: sceneCount, annotator, pictures } = readBenchOptions("bench:dense", {
  scenes: count({ default: 400, help: "scenes, and as many of four quadrants" }),
  pictures: count({ default: 16, help: "collages of four photographs" }),
  annotator: repeated(text({
    value: "A",
    help:
      "folder of an annotator of ImageNet's 1,000 classes to measure on collages beside the one\nthat is included; again for another",
  })),
});
const device = await openBenchDevice();
console.log(`${describeMachine()}\n${describeDevice(device)}`);
const scenes = Array.from({ length: sceneCount }, (_, index) => textureScene(SEED, index));
const quadrants = Array.from({ length: sceneCount }, (_, index) => textureQuadrants(SEED, index));

const common = {
  ...{ name: "textures", classes: CLASSES, ownSize: SIDE, patch: 8 },
  ...{ channels: 64, heads: 2, hiddenChannels: 192, depth: 4 },
};
const rows: string[][] = [[
  "head",
  "last block for cells",
  "images",
  "cells",
  "of the largest",
  "of others",
  "by the image",
  "quadrants",
]];
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

async function parametersOf(file: string, network: Network): Promise<Parameters> {
  const weights = await openWeights(fromFileUrl(new URL(`dense/${file}.safetensors`, import.meta.url)));
  const parameters = await loadParameters(parameterShapes(network), weights);
  weights.close();
  return parameters;
}

/** Adds a row, and returns the share of quadrants that are named. */
async function measure(head: string, block: string, network: Network, parameters: Parameters): Promise<number> {
  const read = (which: "dense" | "pooled", of: typeof scenes) => logitsOf(device, { network, parameters, which }, of);
  const [dense, pooled] = [await read("dense", scenes), await read("pooled", scenes)];
  const named = quadrantShare(await read("dense", quadrants), quadrants);
  const images = pooled.filter((logits, index) => logits.indexOf(Math.max(...logits)) === scenes[index].label).length;
  const shares = [
    images / scenes.length,
    ...(["all", "largest", "others"] as const).map((part) => namedShare(scenes, part, dense)),
    namedShare(scenes, "all", pooled),
    named,
  ];
  rows.push([head, block, ...shares.map(percent)]);
  return named;
}

const byBlock = new Map<Mixing, number>();
for (const cells of ["attention", "values", "alike", "classToken"] as const) {
  const network = buildVisionTransformer({ ...common, cells });
  const name = cells === "attention" ? "as it is" : cells;
  byBlock.set(cells, await measure("class token", name, network, await parametersOf("class_token", network)));
}
const averaging = buildVisionTransformer({ ...common, ...averaged(0) });
const ofAverage = await measure("average", "as it is", averaging, await parametersOf("average", averaging));
console.log(formatTable(rows));

console.log(`\n${pictures} collages of four photographs`);
const known = await readKnownPictures(pictures);
const collageRows = [["annotator", "size", "grid", "photographs", "quadrants", "cells", "by the image"]];
let ofIncluded = 0;
for (const folder of [undefined, ...annotator ?? []]) {
  for (const scale of SCALES) {
    const { name, size, grid, photographs, quadrants, cells, byTheImage } = await namePictures(
      device,
      folder,
      scale,
      known,
    );
    const shares = [photographs, quadrants, cells, byTheImage].map(percent);
    collageRows.push([name, String(size), grid.join(" x "), ...shares]);
    if (folder === undefined) ofIncluded = quadrants;
  }
}
closeDevice(device);
console.log(formatTable(collageRows));

const usual = byBlock.get(DEFAULT_MIXING)!;
const failures = [
  ...[...byBlock].filter(([, share]) => share > usual + SLACK).map(([cells, share]) =>
    `"${cells}" names ${percent(share)} of the quadrants, "${DEFAULT_MIXING}" ${percent(usual)}`
  ),
  ...(ofIncluded < WANTED_OF_INCLUDED ? [`the included annotator names ${percent(ofIncluded)} of the quadrants`] : []),
  ...(ofAverage < WANTED ? [`the network that averages names ${percent(ofAverage)} of the quadrants`] : []),
];
for (const failure of failures) console.error(`FAILED: ${failure}`);
Deno.exit(failures.length > 0 ? 1 : 0);
