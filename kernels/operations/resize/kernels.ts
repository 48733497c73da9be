/**
 * Resizing on the GPU: a pass into RGBA of 8 bits, and one along the other axis that normalises into a batch. All take an
 * image's numbers as parameters. Which axis comes first is the tables' to say.
 *
 * @module
 */

import type { Kernel, Profile } from "../../engine/kernel.ts";
import { itemKernel, type Target, vectorType } from "../shared/tensor.ts";
import { PACKED_SUM, sumBytesVertically, sumHorizontally, sumVertically } from "./fixed_point.ts";
import type { ResizeTables } from "./tables.ts";

/** The first pass of images whose tables are of one size. */
interface FirstPass {
  readonly tables: ResizeTables;
  readonly profile: Profile;
}

/** The second pass, into a place of a batch. */
interface SecondPass extends FirstPass, Target {}

/**
 * Both passes of the images that tables are for, in the order that the tables say. Their parameters are those of an image
 * whose pixels and tables come first in their buffers, and that is the first of the batch: {@linkcode placeParameters}
 * gives those of others.
 *
 * @param options As for {@linkcode resizeHorizontalKernel} and {@linkcode resizeVerticalKernel}.
 * @returns The first, into `rows`, and the second, from there.
 */
export function resizePasses(options: SecondPass): { readonly first: Kernel; readonly second: Kernel } {
  return options.tables.verticalFirst
    ? { first: resizeBytesVerticallyKernel(options), second: resizeRowsHorizontallyKernel(options) }
    : { first: resizeHorizontalKernel(options), second: resizeVerticalKernel(options) };
}

/** Where an image lies. */
export interface ImagePlace {
  /** Where in `pixels` it begins, bytes, a multiple of 4. */
  readonly pixelsOffset: number;
  /** Where in `tables` its values begin, elements. */
  readonly tablesOffset: number;
  /** Its number in the batch. */
  readonly slot: number;
}

/**
 * The parameters of a pass for an image at another place.
 *
 * @param pass One of {@linkcode resizePasses}.
 * @param place Where the image lies.
 * @returns Its parameters there.
 * @throws {RangeError} If the offset is not a multiple of 4.
 */
export function placeParameters(
  { parameters }: Kernel,
  { pixelsOffset, tablesOffset, slot }: ImagePlace,
): Kernel["parameters"] {
  if (pixelsOffset % 4 !== 0) {
    throw new RangeError(`Cannot resize an image at byte ${pixelsOffset}: not a multiple of 4`);
  }
  const moved: Readonly<Record<string, number>> = { pixels: pixelsOffset / 4, table: tablesOffset, slot };
  return parameters.map((one) => one.name in moved ? { ...one, value: one.value + moved[one.name] } : one);
}

/**
 * The horizontal pass, where it is the first.
 *
 * @param options `tables` of the image.
 * @returns A kernel with the bindings `pixels` (bytes, `[height, width, 3]`, packed), `tables` (i32) and `rows` (u32,
 * `[tables.rows, size[1]]`, red in the lowest byte).
 */
export function resizeHorizontalKernel(options: FirstPass): Kernel {
  const { tables, profile } = options;
  const output = tables.size[1];
  return itemKernel({
    name: "resize horizontally",
    profile,
    bindings: { pixels: "u32", tables: "i32", rows: "u32" },
    parameters: [
      { name: "pixels", value: 0 },
      { name: "table", value: 0 },
      { name: "width", value: tables.width },
      { name: "firstRow", value: tables.firstRow },
      { name: "output", value: output },
    ],
    items: tables.rows * output,
    body: `  let x = item % parameters.output;
  let row = item / parameters.output + parameters.firstRow;
  let first = u32(tables[parameters.table + x]);
  let taps = u32(tables[parameters.table + parameters.output + x]);
  var weight = parameters.table + 2u * parameters.output + x;
  let byte = (row * parameters.width + first) * 3u;
${sumHorizontally({ image: "parameters.pixels", stride: "parameters.output" })}
  rows[item] = ${PACKED_SUM};`,
  });
}

/**
 * The vertical pass, where it is the first.
 *
 * @param options As for {@linkcode resizeHorizontalKernel}.
 * @returns A kernel with the bindings `pixels`, `tables` and `rows` (u32, `[size[0], tables.columns]`).
 */
export function resizeBytesVerticallyKernel(options: FirstPass): Kernel {
  const { tables, profile } = options;
  return itemKernel({
    name: "resize bytes vertically",
    profile,
    bindings: { pixels: "u32", tables: "i32", rows: "u32" },
    parameters: [
      { name: "pixels", value: 0 },
      { name: "table", value: tables.vertical },
      { name: "width", value: tables.columns },
      { name: "output", value: tables.size[0] },
    ],
    items: tables.size[0] * tables.columns,
    body: `  let y = item / parameters.width;
  let first = u32(tables[parameters.table + y]);
  let taps = u32(tables[parameters.table + parameters.output + y]);
  var weight = parameters.table + 2u * parameters.output + y;
  var byte = (first * parameters.width + item % parameters.width) * 3u;
${sumBytesVertically({ image: "parameters.pixels", width: "parameters.width", stride: "parameters.output" })}
  rows[item] = ${PACKED_SUM};`,
  });
}

/**
 * The horizontal pass, where it is the second, and normalisation.
 *
 * @param options As for {@linkcode resizeVerticalKernel}.
 * @returns A kernel with the bindings `rows` (of {@linkcode resizeBytesVerticallyKernel}), `tables`, `levels` and `output`.
 */
export function resizeRowsHorizontallyKernel(options: SecondPass): Kernel {
  const { tables, profile, storage } = options;
  const [height, width] = tables.size;
  const vector = vectorType(storage);
  return itemKernel({
    name: `resize rows horizontally ${storage}`,
    profile,
    bindings: { rows: "u32", tables: "i32", levels: "vec4<f32>", output: vector },
    parameters: [
      { name: "table", value: 0 },
      { name: "width", value: width },
      { name: "columns", value: tables.columns },
      { name: "slot", value: 0 },
    ],
    items: height * width,
    body: `  let x = item % parameters.width;
  let first = u32(tables[parameters.table + x]);
  let taps = u32(tables[parameters.table + parameters.width + x]);
  var weight = parameters.table + 2u * parameters.width + x;
  var source = item / parameters.width * parameters.columns + first;
${sumVertically({ rows: "rows", width: "1u", stride: "parameters.width" })}
${normaliseSum(vector)}`,
  });
}

/** Writes `sum` to the batch, normalised. */
function normaliseSum(vector: string): string {
  return `  let normalised = vec4<f32>(levels[sum.x].x, levels[sum.y].y, levels[sum.z].z, 0.0);
  output[parameters.slot * parameters.items + item] = ${vector}(normalised);`;
}

/**
 * The vertical pass, where it is the second, and normalisation.
 *
 * @param options `tables` of the image; `storage` of the batch.
 * @returns A kernel with the bindings `rows` (of {@linkcode resizeHorizontalKernel}), `tables` (i32), `levels` (f32, of
 * `normalisationLevels`) and `output`, `[N, size[0], size[1], 3]` padded to 4 channels.
 */
export function resizeVerticalKernel(options: SecondPass): Kernel {
  const { tables, profile, storage } = options;
  const [height, width] = tables.size;
  const vector = vectorType(storage);
  return itemKernel({
    name: `resize vertically ${storage}`,
    profile,
    bindings: { rows: "u32", tables: "i32", levels: "vec4<f32>", output: vector },
    parameters: [
      { name: "table", value: tables.vertical },
      { name: "width", value: width },
      { name: "height", value: height },
      { name: "slot", value: 0 },
    ],
    items: height * width,
    body: `  let y = item / parameters.width;
  let first = u32(tables[parameters.table + y]);
  let taps = u32(tables[parameters.table + parameters.height + y]);
  var weight = parameters.table + 2u * parameters.height + y;
  var source = first * parameters.width + item % parameters.width;
${sumVertically({ rows: "rows", width: "parameters.width", stride: "parameters.height" })}
${normaliseSum(vector)}`,
  });
}
