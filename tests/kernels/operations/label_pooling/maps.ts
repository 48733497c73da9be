/**
 * Label maps and crops from a seed.
 *
 * @module
 */

import type { Crop, Warp } from "../../../../kernels/operations/label_pooling/mod.ts";
import {
  composeWarps,
  HORIZONTAL_FLIP,
  QUARTER_TURN,
  rotation,
} from "../../../../kernels/operations/label_pooling/mod.ts";
import { quantise } from "../../../../formats/base/scores.ts";
import { randomValues } from "../../tensors.ts";
import type { LabelMapBatch, LabelMapType } from "../../../../formats/base/label_map.ts";

/** Maps whose cells hold distinct classes, from a range of few so that they recur, and logits of either sign. */
export function randomMaps(
  shape: { count: number; k: number; grid: [number, number]; classes: number; dtype: LabelMapType; seed: number },
): LabelMapBatch {
  const { count, k, grid, classes, dtype, seed } = shape;
  const cells = grid[0] * grid[1];
  const length = count * k * cells;
  const logits = randomValues(length, seed, 8).map((value) => value + 3);
  const starts = randomValues(count * cells, seed + 1, 0.5);
  const class_ = Array.from({ length }, (_, index) => {
    const [map, rank, cell] = [Math.floor(index / k / cells), Math.floor(index / cells) % k, index % cells];
    return (Math.floor((starts[map * cells + cell] + 0.5) * Math.min(9, classes)) * 7 + rank) % classes;
  });
  return {
    count,
    k,
    grid,
    classes,
    dtype,
    class: classes < 65536 ? Uint16Array.from(class_) : Uint32Array.from(class_, (index) => classes - 1 - index),
    score: quantise(Float32Array.from(logits), dtype),
  };
}

/** Crops of every kind: whole, along cell borders, small, without area, anywhere, and warped. */
export function variousCrops(maps: number, seed: number): Crop[] {
  const numbers = randomValues(12 * 5, seed, 0.5).map((value) => value + 0.5);
  const anywhere = Array.from({ length: 12 }, (_, index) => {
    const [top, left, height, width, map] = numbers.slice(index * 5, index * 5 + 5);
    return { top, left, height: height * (1 - top), width: width * (1 - left), map: Math.floor(map * maps) };
  });
  const warps: Warp[] = [
    HORIZONTAL_FLIP,
    QUARTER_TURN,
    composeWarps(HORIZONTAL_FLIP, QUARTER_TURN),
    rotation(30, 1.5),
    composeWarps(rotation(-77), [1.2, 0.3, 0.4, -0.2, 0.9, -0.1]),
    [1, 0, 9, 0, 1, 0],
    [1, 0, 0.4, 0, 1, 0],
    [1, 0, 0, 0, 1, -0.3],
    [1, 0.3, 0, 0, 1, 0],
  ];
  // Moved out and back: the picture is in its place, and half of it is empty.
  const back = { warp: [1, 0, 0, 0, 1, 0], frames: [[1, 0, 0, 0, 1, 0], [1, 0, -0.45, 0, 1, 0]] } as const;
  const turned = composeWarps(rotation(30), [1, 0, 0.3, 0, 1, 0.1]);
  return [
    { top: 0, left: 0, height: 1, width: 1, map: 0 },
    { top: 0.5, left: 0, height: 0.5, width: 0.5, map: 0 },
    { top: 0.3, left: 0.9, height: 0, width: 0, map: 0 },
    { top: 1, left: 1, height: 0, width: 0, map: 0 },
    ...anywhere,
    ...warps.map((warp, index) => ({ ...anywhere[index], warp })),
    { ...anywhere[3], ...back },
    { ...anywhere[4], warp: turned, frames: [turned, [1, 0, 0.3, 0, 1, 0.1]] },
    { ...anywhere[5], warp: composeWarps(HORIZONTAL_FLIP, turned) },
  ];
}
