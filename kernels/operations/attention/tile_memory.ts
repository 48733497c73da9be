/**
 * What the GPU profile's kernels of attention share: a workgroup of 8 x 8 invocations, which multiplies tiles of 64 or 32
 * rows and 32 columns in workgroup memory. An invocation has 8 or 4 rows, one or two `halves`, by 4 columns of such a
 * product, or by some vectors of channels of a product with a matrix of channels. Fewer rows where registers would not do.
 *
 * Registers, spills and the share of multiply-adds among the instructions of the loop over the tile, compiled for f32 (RADV
 * for RDNA3 counts vector instructions only; CUDA's compiler for sm_90 never spills):
 *
 * | heads of | forward | gradient of queries | of keys and values |
 * | --- | --- | --- | --- |
 * | 32 | 108, 0, 63 %; 103, 68 % | 84, 0, 47 %; 122, 59 % | 108, 0, 47 %; 122, 59 % |
 * | 64 | 132, 0, 90 %; 135, 79 % | 108, 0, 84 %; 102, 70 % | 132, 0, 84 %; 130, 72 % |
 * | 104 | 120, 0, 84 %; 127, 72 % | 132, 0, 84 %; 128, 71 % | 132, 0, 84 %; 130, 72 % |
 *
 * A row's log-sum-exp and mean are read in each turn: kept in registers from before the loop, they made the gradient of
 * queries spill 5 registers of heads of 104, and take 108 and 120 for heads of 32 and 64.
 *
 * Indices are constants but for the invocation's own place, which no turn changes: naga clamps all others.
 *
 * | workgroup memory | | bytes at most |
 * | --- | --- | --- |
 * | `tile` | 8 channels of the rows and of 32 columns, as vectors of rows and columns; or channels of 4 or 8 rows | 3072 |
 * | `shares` | a number for each of 32 columns and all rows, as vectors of rows | 8192 |
 * | `factors` | a number for each row | 256 |
 *
 * @module
 */

import { range, wgsl } from "../shared/wgsl.ts";
import type { PairScores } from "./pair_scores.ts";

/** Vectors of rows that an invocation has. */
export type Halves = 1 | 2;

/** Rows of a tile. */
export function tileRows(halves: Halves): number {
  return 32 * halves;
}

/** Columns of a tile. */
export const COLUMNS = 32;
/** Vectors of channels that are brought into the tile at once. */
const DEPTH = 2;

/** Vectors of a row of the tile, and its rows: those for rows and those for columns, which share a row by twos. */
const TILE_WIDTH = 16;
const ROW_LINES = 4 * DEPTH;
const COLUMN_LINES = 2 * DEPTH;

/** WGSL of the workgroup memory. */
export function tileMemory(halves: Halves): string {
  return `var<workgroup> tile: array<array<vec4<f32>, ${TILE_WIDTH}>, ${ROW_LINES + COLUMN_LINES}>;
var<workgroup> shares: array<array<vec4<f32>, ${8 * halves}>, ${COLUMNS}>;
var<workgroup> factors: array<vec4<f32>, ${8 * halves}>;
`;
}

/** WGSL of the names of an invocation's place. */
export const TILE_PLACE = `let across = local % 8u;
let down = local / 8u;`;

/** What a product of tiles reads. */
export interface TileSide {
  /** WGSL of the first vector of a row, by WGSL of the number of the row. */
  readonly place: (row: string) => string;
  /** WGSL that loads a vector. */
  readonly load: (index: string) => string;
  /** WGSL of the first row, and of the number that all rows are below. */
  readonly first: string;
  readonly end: string;
}

/** WGSL that brings {@linkcode DEPTH} vectors of channels from `part` on of the rows or columns into the tile. */
function stage(side: TileSide, vectors: number, kind: "rows" | "columns", quads: number, before: number): string {
  const loads = range(4).map((p) =>
    wgsl`
      let row${p} = ${side.first} + quad * 4u + ${p}u;
      let inside${p} = (row${p} < ${side.end}) & (vector < ${vectors}u);
      let x${p} = select(vec4<f32>(0.0), ${
      side.load(`select(0u, ${side.place(`row${p}`)} + vector, inside${p})`)
    }, inside${p});
    `
  );
  const stores = [..."xyzw"].map((lane, i) => {
    const values = range(4).map((p) => `x${p}.${lane}`).join(", ");
    return kind === "rows"
      ? `tile[depth * 4u + ${i}u][quad] = vec4<f32>(${values});`
      : `tile[depth * 2u + ${ROW_LINES + (i >> 1)}u][quad + ${(i & 1) * 8}u] = vec4<f32>(${values});`;
  });
  return wgsl`
    let quad = ${before === 0 ? "local" : `(local - ${before}u)`} % ${quads}u;
    let depth = ${before === 0 ? "local" : `(local - ${before}u)`} / ${quads}u;
    let vector = part + depth;
    ${loads}
    ${stores}
  `;
}

/**
 * WGSL of the product of rows and 32 columns.
 *
 * @param name What the sums are called: `<name>_<column>_<half>` for the invocation's 4 columns and halves of rows.
 * @param rows What rows are read from.
 * @param columns What columns are read from.
 * @param vectors Vectors of channels.
 * @param halves Vectors of rows of an invocation.
 * @returns Statements; they begin and end without a need of a barrier between products.
 */
export function tileProduct(
  name: string,
  rows: TileSide,
  columns: TileSide,
  vectors: number,
  halves: Halves,
): string {
  const sums = tileCells(halves);
  const quads = 8 * halves;
  const steps = range(4 * DEPTH).flatMap((k) => [
    wgsl`
      ${range(halves).map((h) => `let half${k}_${h} = tile[${k}][down * ${halves}u + ${h}u];`)}
      let other${k} = tile[${ROW_LINES + (k >> 1)}][across + ${(k & 1) * 8}u];
    `,
    ...sums.map(([c, h]) => `${name}_${c}_${h} += half${k}_${h} * other${k}.${"xyzw"[c]};`),
  ]);
  return wgsl`
    ${sums.map(([c, h]) => `var ${name}_${c}_${h} = vec4<f32>(0.0);`)}
    for (var part = 0u; part < ${vectors}u; part += ${DEPTH}u) {
      if (local < ${quads * DEPTH}u) {
        ${stage(rows, vectors, "rows", quads, 0)}
      } else if (local < ${(quads + 8) * DEPTH}u) {
        ${stage(columns, vectors, "columns", 8, quads * DEPTH)}
      }
      workgroupBarrier();
      ${steps}
      workgroupBarrier();
    }
  `;
}

/** The columns and halves of rows of an invocation's part of a product. */
export function tileCells(halves: Halves): (readonly [column: number, half: number])[] {
  return range(4).flatMap((c) => range(halves).map((h) => [c, h] as const));
}

/** WGSL that puts an invocation's part of a product into `shares`. */
export function storeProduct(value: (column: number, half: number) => string, halves: Halves): string {
  const stores = tileCells(halves).map(([c, h]) =>
    `shares[across * 4u + ${c}u][down * ${halves}u + ${h}u] = ${value(c, h)};`
  );
  return wgsl`
    ${stores}
  `;
}

/**
 * WGSL that puts what is added to the scores of a tile's pairs into `shares`, of which each invocation makes a row: the text of
 * bias and mask stands once, in a loop.
 *
 * @param scores The text of scores.
 * @param side Whether rows are queries or keys.
 * @param turn WGSL of the first column.
 * @param halves Vectors of rows of an invocation.
 * @returns Statements; a product of tiles has the barriers that must follow.
 */
export function tileAdditions(scores: PairScores, side: "query" | "key", turn: string, halves: Halves): string {
  if (!scores.adds) return "";
  const [rows, columns, other] = side === "query"
    ? ["queries", "keys", "key"] as const
    : ["keys", "queries", "query"] as const;
  const [query, key] = side === "query" ? ["own", "other"] : ["other", "own"];
  return wgsl`
    if (local < ${tileRows(halves)}u) {
      let ownPosition = min(first + local, parameters.${rows} - 1u);
      ${scores.locate(side, "own", "ownPosition")}
      for (var c = 0u; c < ${COLUMNS}u; c++) {
        let otherPosition = min(${turn} + c, parameters.${columns} - 1u);
        ${scores.locate(other, "other", "otherPosition")}
        shares[c][local / 4u][local % 4u] = ${scores.score("0.0", query, key)};
      }
    }
  `;
}

/** WGSL of scores with {@linkcode tileAdditions}, a vector of rows, by those of their products. */
export function addedScores(
  scores: PairScores,
  product: string,
  [column, half]: readonly [number, number],
  halves: Halves,
): string {
  const scaled = `${product} * parameters.scale`;
  return scores.adds ? `${scaled} + shares[across * 4u + ${column}u][down * ${halves}u + ${half}u]` : scaled;
}

/** Vectors of channels that an invocation has of each of its rows: numbers `across + 8 i`. */
export function ownVectors(vectors: number): number[] {
  return range(Math.ceil(vectors / 8));
}

/**
 * WGSL that adds to sums of rows `shares` times the channels of the columns: `<name><row>_<i>`, for its rows and
 * {@linkcode ownVectors}.
 *
 * @param name What the sums are called.
 * @param columns What the channels are read from.
 * @param vectors Vectors of channels.
 * @param halves Vectors of rows of an invocation.
 * @returns Statements; they begin without a need of a barrier behind `shares`, and end with one.
 */
export function addChannels(name: string, columns: TileSide, vectors: number, halves: Halves): string {
  // A row of channels takes one or two of the tile.
  const each = Math.ceil(vectors / TILE_WIDTH);
  const together = ROW_LINES / each;
  const own = ownVectors(vectors);
  const loads = range(ROW_LINES / 4).map((n) =>
    wgsl`
      let slot${n} = local / 16u + ${4 * n}u;
      let vector${n} = slot${n} % ${each}u * 16u + local % 16u;
      let row${n} = ${columns.first} + turn + slot${n} / ${each}u;
      let inside${n} = (row${n} < ${columns.end}) & (vector${n} < ${vectors}u);
      tile[slot${n}][local % 16u] = select(vec4<f32>(0.0), ${
      columns.load(`select(0u, ${columns.place(`row${n}`)} + vector${n}, inside${n})`)
    }, inside${n});
    `
  );
  const steps = range(together).flatMap((k) => [
    wgsl`
      ${range(halves).map((h) => `let half${k}_${h} = shares[turn + ${k}u][down * ${halves}u + ${h}u];`)}
      ${own.map((i) => `let channels${k}_${i} = tile[${k * each + (i >> 1)}][across + ${(i & 1) * 8}u];`)}
    `,
    ...range(4 * halves).flatMap((q) =>
      own.map((i) => `${name}${q}_${i} += half${k}_${q >> 2}.${"xyzw"[q % 4]} * channels${k}_${i};`)
    ),
  ]);
  return wgsl`
    for (var turn = 0u; turn < ${COLUMNS}u; turn += ${together}u) {
      ${loads}
      workgroupBarrier();
      ${steps}
      workgroupBarrier();
    }
  `;
}
