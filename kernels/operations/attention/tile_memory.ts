/**
 * What the GPU profile's kernels of attention share: a workgroup of 8 x 8 invocations, which multiplies tiles of 64 rows and
 * 32 columns in workgroup memory. An invocation has 8 rows by 4 columns of such a product, or 8 rows by some vectors of
 * channels of a product with a matrix of channels.
 *
 * Indices are constants but for the invocation's own place, which no turn changes: naga clamps all others.
 *
 * | workgroup memory | | bytes |
 * | --- | --- | --- |
 * | `tile` | 16 channels of 64 rows and of 32 columns, as vectors of rows and columns; or channels of 8 or 16 rows | 6144 |
 * | `shares` | a number for each of 32 columns and 64 rows, as vectors of rows | 8192 |
 * | `factors` | a number for each of 64 rows | 256 |
 *
 * @module
 */

import { range, wgsl } from "../shared/wgsl.ts";

/** Rows of a tile. */
export const ROWS = 64;
/** Columns of a tile. */
export const COLUMNS = 32;
/** Vectors of channels that are brought into the tile at once. */
const DEPTH = 4;

/** WGSL of the workgroup memory. */
export const TILE_MEMORY = `var<workgroup> tile: array<array<vec4<f32>, 16>, 24>;
var<workgroup> shares: array<array<vec4<f32>, 16>, ${COLUMNS}>;
var<workgroup> factors: array<vec4<f32>, 16>;
`;

/** WGSL of the names of an invocation's place. */
export const TILE_PLACE = `let across = local % 8u;
let down = local / 8u;
let quad = local % 16u;
let depth = local / 16u;
let column = local % 8u;
let columnDepth = local / 8u;`;

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

/** WGSL that brings 4 vectors of channels from `part` on of 64 rows, or of 32 columns, into the tile. */
function stage(side: TileSide, vectors: number, kind: "rows" | "columns"): string {
  const [quad, depth] = kind === "rows" ? ["quad", "depth"] : ["column", "columnDepth"];
  const loads = range(4).map((p) =>
    wgsl`
      let row${p} = ${side.first} + ${quad} * 4u + ${p}u;
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
      : `tile[columnDepth * 2u + ${16 + (i >> 1)}u][column + ${(i & 1) * 8}u] = vec4<f32>(${values});`;
  });
  const body = wgsl`
    let vector = part + ${depth};
    ${loads}
    ${stores}
  `;
  return kind === "rows"
    ? wgsl`
      {
        ${body}
      }
    `
    : wgsl`
      if (local < 32u) {
        ${body}
      }
    `;
}

/**
 * WGSL of the product of 64 rows and 32 columns.
 *
 * @param name What the sums are called: `<name>_<column>_<half>` for the invocation's 4 columns and two halves of 8 rows.
 * @param rows What rows are read from.
 * @param columns What columns are read from.
 * @param vectors Vectors of channels.
 * @returns Statements; they begin and end without a need of a barrier between products.
 */
export function tileProduct(name: string, rows: TileSide, columns: TileSide, vectors: number): string {
  const sums = range(4).flatMap((c) => range(2).map((h) => [c, h] as const));
  const steps = range(4 * DEPTH).flatMap((k) => [
    wgsl`
      let above${k} = tile[${k}][down * 2u];
      let below${k} = tile[${k}][down * 2u + 1u];
      let other${k} = tile[${16 + (k >> 1)}][across + ${(k & 1) * 8}u];
    `,
    ...sums.map(([c, h]) => `${name}_${c}_${h} += ${h === 0 ? "above" : "below"}${k} * other${k}.${"xyzw"[c]};`),
  ]);
  return wgsl`
    ${sums.map(([c, h]) => `var ${name}_${c}_${h} = vec4<f32>(0.0);`)}
    for (var part = 0u; part < ${vectors}u; part += ${DEPTH}u) {
      ${stage(rows, vectors, "rows")}
      ${stage(columns, vectors, "columns")}
      workgroupBarrier();
      ${steps}
      workgroupBarrier();
    }
  `;
}

/** WGSL that puts an invocation's part of a product into `shares`. */
export function storeProduct(value: (column: number, half: number) => string): string {
  return wgsl`
    ${range(4).flatMap((c) => range(2).map((h) => `shares[across * 4u + ${c}u][down * 2u + ${h}u] = ${value(c, h)};`))}
  `;
}

/** Vectors of channels that an invocation has of each of its 8 rows: numbers `across + 8 i`. */
export function ownVectors(vectors: number): number[] {
  return range(Math.ceil(vectors / 8));
}

/**
 * WGSL that adds to sums of rows `shares` times the channels of the columns: `<name><row>_<i>`, for 8 rows and
 * {@linkcode ownVectors}.
 *
 * @param name What the sums are called.
 * @param columns What the channels are read from.
 * @param vectors Vectors of channels.
 * @returns Statements; they begin without a need of a barrier behind `shares`, and end with one.
 */
export function addChannels(name: string, columns: TileSide, vectors: number): string {
  // A row of the tile has 16 vectors, a column of channels one or two of them.
  const each = Math.ceil(vectors / 16);
  const together = 16 / each;
  const own = ownVectors(vectors);
  const loads = range(4).map((n) =>
    wgsl`
      let slot${n} = depth + ${4 * n}u;
      let vector${n} = slot${n} % ${each}u * 16u + quad;
      let row${n} = ${columns.first} + turn + slot${n} / ${each}u;
      let inside${n} = (row${n} < ${columns.end}) & (vector${n} < ${vectors}u);
      tile[slot${n}][quad] = select(vec4<f32>(0.0), ${
      columns.load(`select(0u, ${columns.place(`row${n}`)} + vector${n}, inside${n})`)
    }, inside${n});
    `
  );
  const steps = range(together).flatMap((k) => [
    wgsl`
      let above${k} = shares[turn + ${k}u][down * 2u];
      let below${k} = shares[turn + ${k}u][down * 2u + 1u];
      ${own.map((i) => `let channels${k}_${i} = tile[${k * each + (i >> 1)}][across + ${(i & 1) * 8}u];`)}
    `,
    ...range(8).flatMap((q) =>
      own.map((i) => `${name}${q}_${i} += ${q < 4 ? "above" : "below"}${k}.${"xyzw"[q % 4]} * channels${k}_${i};`)
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
