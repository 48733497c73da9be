/**
 * The reference values of LabelPooling: what PyTorch and torchvision's `roi_align` gave for maps and crops.
 *
 * @module
 */

import { openWeights } from "../../../../formats/weights/mod.ts";
import type { Crop, PoolingOptions } from "../../../../kernels/operations/label_pooling/mod.ts";
import type { LabelMapBatch } from "../../../../formats/base/label_map.ts";

/** The fixture's targets by name, and the options that ask for them. */
export const FIXTURE_OPTIONS = {
  hw: {},
  wh: { layout: "wh" },
  local_single: { mode: "local-single" },
  global_multi: { mode: "global-multi" },
  global_single: { mode: "global-single" },
} as const satisfies Record<string, PoolingOptions>;

/** Maps of one kind, a crop of each, and targets `[N, C]` by the fixture's names. */
export interface PoolingFixture {
  readonly name: string;
  readonly maps: LabelMapBatch;
  readonly crops: readonly Crop[];
  readonly targets: Readonly<Record<keyof typeof FIXTURE_OPTIONS, Float32Array>>;
}

/** Reads the fixtures: 1000 classes, 5 a cell, 15 x 15 cells; 12 classes, 3 a cell, 7 x 7 cells. */
export async function poolingFixtures(): Promise<PoolingFixture[]> {
  const file = await openWeights("tests/fixtures/label_pooling.safetensors");
  const fixtures: PoolingFixture[] = [];
  for (const [name, classes] of [["imagenet", 1000], ["small", 12]] as const) {
    const read = (tensor: string) => file.read(`${name}.${tensor}`);
    const [count, k, height, width] = file.shape(`${name}.score`);
    const crops = await read("crop");
    fixtures.push({
      name,
      maps: {
        count,
        k,
        grid: [height, width],
        classes,
        dtype: "fp32",
        class: Uint16Array.from(await read("index")),
        score: await read("score"),
      },
      crops: cropsOf(crops),
      targets: {
        hw: await read("target.hw"),
        wh: await read("target.wh"),
        local_single: await read("target.local_single"),
        global_multi: await read("target.global_multi"),
        global_single: await read("target.global_single"),
      },
    });
  }
  file.close();
  return fixtures;
}

/** Numbers `[N, 4]` as crops. */
function cropsOf(numbers: Float32Array): Crop[] {
  return Array.from({ length: numbers.length / 4 }, (_, index) => {
    const [top, left, height, width] = numbers.subarray(index * 4, index * 4 + 4);
    return { top, left, height, width };
  });
}

/** A crop of each map, and its target `[N, C]` with some options. */
export interface IndependentCase {
  readonly name: string;
  readonly maps: LabelMapBatch;
  readonly crops: readonly Crop[];
  readonly options: PoolingOptions;
  readonly target: Float32Array;
}

/** Reads the fixture of maps whose classes are independent: 13 classes, 4 a cell or all, 7 x 5 cells. */
export async function independentCases(): Promise<IndependentCase[]> {
  const file = await openWeights("tests/fixtures/independent_pooling.safetensors");
  const crops = cropsOf(await file.read("crop"));
  const [floor] = await file.read("floor");
  const [count, classes, height, width] = file.shape("sigmoid.logits");
  const shape = { count, grid: [height, width], classes, dtype: "fp32" } as const;
  const stored = async (scores: "sigmoid" | "presence", said: Partial<LabelMapBatch>): Promise<LabelMapBatch> => ({
    ...{ ...shape, ...said, scores, k: file.shape(`${scores}.score`)[1] },
    class: Uint16Array.from(await file.read(`${scores}.index`)),
    score: await file.read(`${scores}.score`),
  });
  const sigmoid = await stored("sigmoid", { floor });
  const presence = await stored("presence", {});
  const all: LabelMapBatch = {
    ...{ ...shape, scores: "sigmoid", k: classes },
    class: Uint16Array.from(
      { length: count * classes * height * width },
      (_, index) => Math.floor(index / height / width) % classes,
    ),
    score: await file.read("sigmoid.logits"),
  };
  const cases: [string, LabelMapBatch, PoolingOptions][] = [
    ["sigmoid.local_multi", sigmoid, {}],
    ["sigmoid.halved", sigmoid, { temperature: 2 }],
    ["sigmoid.local_single", sigmoid, { mode: "local-single" }],
    ["sigmoid.global_multi", sigmoid, { mode: "global-multi" }],
    ["sigmoid.global_single", sigmoid, { mode: "global-single" }],
    ["sigmoid.all_classes", all, {}],
    ["presence.local_multi", presence, {}],
    ["presence.local_single", presence, { mode: "local-single" }],
    ["presence.global_multi", presence, { mode: "global-multi" }],
    ["presence.global_single", presence, { mode: "global-single" }],
  ];
  const read = await Promise.all(cases.map(async ([name, maps, options]) => ({
    ...{ name, maps, crops, options },
    target: await file.read(name),
  })));
  file.close();
  return read;
}
