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
      crops: Array.from({ length: count }, (_, index) => {
        const [top, left, height, width] = crops.subarray(index * 4, index * 4 + 4);
        return { top, left, height, width };
      }),
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
