/**
 * The 256 real maps of the fixture `lite0/maps475`, in one batch.
 *
 * @module
 */

import { SCORE_ARRAYS } from "../../../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "../../../formats/labels/fixture.ts";
import type { LabelMapBatch, LabelMapType } from "../../../../formats/base/label_map.ts";

/** Maps of 1000 classes, 5 a cell, 15 x 15 cells. */
export function fixtureMaps(dtype: LabelMapType): LabelMapBatch {
  const rows = fixtureRows(dtype);
  const { k, grid, classes } = fixtureMetadata(dtype);
  return {
    count: rows.length,
    k,
    grid,
    classes,
    dtype,
    class: Uint16Array.from(rows.flatMap((row) => [...row.class])),
    score: SCORE_ARRAYS[dtype].from(rows.flatMap((row) => [...row.score])),
  };
}
