/**
 * The 256 real maps of the fixture `lite0/maps475`, in one batch.
 *
 * @module
 */

import type { SparseMaps } from "../../../../kernels/operations/label_pooling/mod.ts";
import type { ScoreType } from "../../../../kernels/operations/quantise.ts";
import { fixtureMetadata, fixtureRows } from "../../../formats/labels/fixture.ts";

/** Maps of 1000 classes, 5 a cell, 15 x 15 cells. */
export function fixtureMaps(dtype: ScoreType): SparseMaps {
  const rows = fixtureRows(dtype);
  const { k, grid, classes } = fixtureMetadata(dtype);
  const Scores = { fp32: Float32Array, fp16: Uint16Array, fp8_e4m3: Uint8Array, fp8_e5m2: Uint8Array }[dtype];
  return {
    count: rows.length,
    k,
    grid,
    classes,
    dtype,
    class: Uint16Array.from(rows.flatMap((row) => [...row.class])),
    score: Scores.from(rows.flatMap((row) => [...row.score])),
  };
}
