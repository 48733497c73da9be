/**
 * Mean and M2, the sum of squared deviations from it, of runs of positions of what a tile stores: batch norm's statistics are
 * made of them, and need no pass over the tensor.
 *
 * The positions of a run are joined as a tree, each with the one half a run further on, then those with the ones a quarter
 * further on, and so on. So the bits do not depend on the tile: an invocation has every so many positions, and joins its own
 * before it meets others in the tiles' memory, which is free by then.
 *
 * @module
 */

import { MOMENT_RUN } from "../shared/by_channel.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { type Tile, tilePositions } from "./tile_shapes.ts";

/**
 * WGSL that stores the moments of a tile, after its stores.
 *
 * @param tile The tile, of whole runs; its memory is `inputTile` and `weightTile`.
 * @param value WGSL of what is stored for a position and a vector of channels, as `vec4<f32>`.
 * @returns The statements' text. It calls `join` of two `Pair`s and writes to `moments`, f32 `[runs, 2, C]`.
 */
export function storeMoments(tile: Tile, value: (position: number, vector: number) => string): string {
  const runs = tilePositions(tile) / MOMENT_RUN;
  return wgsl`
    ${range(runs).flatMap((run) => range(tile.vectors).map((vector) => storeRun(tile, run, vector, value)))}
  `;
}

function storeRun(
  { down }: Tile,
  run: number,
  vector: number,
  value: (position: number, vector: number) => string,
): string {
  const own = MOMENT_RUN / down;
  const leaves = range(own).map((p) => `var pair${p} = Pair(${value(run * own + p, vector)}, vec4<f32>());`);
  const inRegisters: string[] = [];
  for (let half = MOMENT_RUN / 2; half >= down; half /= 2) {
    const step = half / down;
    for (const p of range(step)) {
      const counts = [p, p + step].map((place) => `count(valid, down + ${place * down}u, ${2 * half}u)`);
      inRegisters.push(`pair${p} = join(pair${p}, pair${p + step}, ${counts.join(", ")});`);
    }
  }
  const inMemory: string[] = [];
  for (let half = Math.min(down, MOMENT_RUN) / 2; half >= 1; half /= 2) {
    inMemory.push(wgsl`
      workgroupBarrier();
      if (down < ${half}u) {
        let other = Pair(${firstAt(`down + ${half}u`)}, ${secondAt(`down + ${half}u`)});
        pair0 = join(pair0, other, count(valid, down, ${2 * half}u), count(valid, down + ${half}u, ${2 * half}u));
        ${firstAt("down")} = pair0.first;
        ${secondAt("down")} = pair0.second;
      }
    `);
  }
  return wgsl`
    {
      let start = first + ${run * MOMENT_RUN}u;
      let valid = min(max(parameters.positions, start) - start, ${MOMENT_RUN}u);
      ${leaves}
      ${inRegisters}
      ${firstAt("down")} = pair0.first;
      ${secondAt("down")} = pair0.second;
      ${inMemory}
      if (down == 0u && valid > 0u && column${vector} < parameters.outputVectors) {
        let at = start / ${MOMENT_RUN}u * 2u * parameters.outputVectors + column${vector};
        moments[at] = pair0.first;
        moments[at + parameters.outputVectors] = pair0.second;
      }
      workgroupBarrier();
    }
  `;
}

/** Where the invocation of this column and a row has its means in the tiles' memory. */
function firstAt(row: string): string {
  return `inputTile[across / 4u][${row}][across % 4u]`;
}

/** Where it has its M2. */
function secondAt(row: string): string {
  return `weightTile[${row}][0][across]`;
}

/** WGSL of how many of a run's first `valid` positions are `place` and every `step`th further on. */
export const COUNT_POSITIONS = `
fn count(valid: u32, place: u32, step: u32) -> f32 {
  return f32((max(valid, place) - place + step - 1u) / step);
}
`;
