/**
 * The label maps of known pictures, at several sizes of the annotator's input and on several grids of one size.
 *
 * @module
 */

import { type LabelMapMetadata, type LabelMapRow, scoreClasses, type ScoredClass } from "../../formats/labels/mod.ts";
import type { DecodedImage } from "../../formats/images/mod.ts";
import type { Device } from "../../kernels/engine/device.ts";
import { loadAnnotator } from "../../pipeline/model/load_annotator.ts";
import { bestClasses } from "../choose/sparse.ts";
import { DEFAULT_ANNOTATOR, readAnnotator } from "../default_annotator.ts";
import { type DenseMaps, denseMaps } from "../dense_maps.ts";

/** Maps of pictures. */
export interface PictureMaps {
  readonly metadata: Pick<LabelMapMetadata, "k" | "grid" | "classes" | "dtype">;
  readonly maps: readonly Pick<LabelMapRow, "class" | "score">[];
  /** What the classifier says of each whole picture. */
  readonly pooled: readonly (readonly ScoredClass[])[];
}

/** Classes that are kept of each cell; fewer are the first ranks of these. */
const RANKS = 10;
/** Pictures whose logits are held at once. */
const CHUNK = 16;

/**
 * Annotates pictures as `deno task relabel` does.
 *
 * @param images They.
 * @param size Height and width of the annotator's input, pixels.
 * @returns Their maps with the 10 best classes of each cell.
 */
export async function mapsOf(images: readonly DecodedImage[], size: number): Promise<PictureMaps> {
  const annotator = await loadAnnotator(DEFAULT_ANNOTATOR, { size: [size, size], k: RANKS, dtype: "fp32" });
  try {
    const maps = [];
    for (let first = 0; first < images.length; first += annotator.batch) {
      maps.push(...await annotator.annotate(images.slice(first, first + annotator.batch)));
    }
    const pooled = maps.map(({ topClass, topProbability }) =>
      Array.from(topClass, (value, rank) => ({ class: value, score: topProbability[rank] }))
    );
    return { metadata: annotator.metadata, maps, pooled };
  } finally {
    annotator.close();
  }
}

/**
 * Annotates pictures once, and puts the logits of all classes on several grids by linear interpolation between the
 * middles of cells, or their mean where the grid is coarser: what the annotator saw is the same, the grid alone is not.
 *
 * @param device Where.
 * @param images They.
 * @param size Height and width of the annotator's input, pixels.
 * @param sides The grids' height and width, cells.
 * @returns The maps on each grid, with the 10 best classes of each cell.
 */
export async function mapsOnGrids(
  device: Device,
  images: readonly DecodedImage[],
  size: number,
  sides: readonly number[],
): Promise<PictureMaps[]> {
  const annotator = await readAnnotator();
  const results = sides.map(() => [] as Pick<LabelMapRow, "class" | "score">[]);
  let classes = 0;
  for (let first = 0; first < images.length; first += CHUNK) {
    const dense = await denseMaps(device, annotator, size, images.slice(first, first + CHUNK));
    classes = dense.classes;
    sides.forEach((side, index) => {
      const moved = onGrid(dense, side);
      const best = bestClasses(moved, RANKS);
      const length = RANKS * side * side;
      for (let map = 0; map < moved.count; map++) {
        const [from, to] = [map * length, (map + 1) * length];
        results[index].push({ class: best.class.slice(from, to), score: best.logits.slice(from, to) });
      }
    });
  }
  return results.map((maps, index) => ({
    metadata: { k: RANKS, grid: [sides[index], sides[index]], classes, dtype: "fp32" },
    maps,
    pooled: [],
  }));
}

/** Scores of the classes of each picture, from the first k ranks of its map. */
export function scoresOf({ maps, metadata }: PictureMaps, k: number): ScoredClass[][] {
  const length = k * metadata.grid[0] * metadata.grid[1];
  return maps.map((map) =>
    scoreClasses(
      { class: map.class.subarray(0, length), score: map.score.subarray(0, length) },
      { ...metadata, k },
    )
  );
}

/** Weights of an axis's cells for each cell of another one: `[to, from]`, each row with the sum 1. */
function axisWeights(from: number, to: number): number[][] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, cell) => {
    const middle = (cell + 0.5) * scale - 0.5;
    const weights = Array.from({ length: from }, (_, other) => Math.max(0, 1 - Math.abs(other - middle) / reach));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  });
}

function onGrid({ count, grid: [height, width], classes, logits }: DenseMaps, side: number): DenseMaps {
  if (height === side && width === side) return { count, grid: [side, side], classes, logits };
  const [rows, columns] = [axisWeights(height, side), axisWeights(width, side)];
  const result = new Float32Array(count * side * side * classes);
  for (let map = 0; map < count; map++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const to = ((map * side + y) * side + x) * classes;
        rows[y].forEach((vertical, row) => {
          if (vertical === 0) return;
          columns[x].forEach((horizontal, column) => {
            const weight = vertical * horizontal;
            if (weight === 0) return;
            const from = ((map * height + row) * width + column) * classes;
            for (let index = 0; index < classes; index++) result[to + index] += weight * logits[from + index];
          });
        });
      }
    }
  }
  return { count, grid: [side, side], classes, logits: result };
}
