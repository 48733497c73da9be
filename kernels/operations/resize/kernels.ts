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

/** The first pass of an image: what `tables` say of it, and where it and they begin. */
interface FirstPass {
  readonly tables: ResizeTables;
  readonly pixelsOffset: number;
  readonly tablesOffset: number;
  readonly profile: Profile;
}

/** The second pass, into a place of a batch. */
interface SecondPass extends Target {
  readonly tables: ResizeTables;
  readonly tablesOffset: number;
  readonly slot: number;
}

/**
 * Both passes of an image, in the order that its tables say.
 *
 * @param options As for {@linkcode resizeHorizontalKernel} and {@linkcode resizeVerticalKernel}.
 * @returns The first, into `rows`, and the second, from there.
 * @throws {RangeError} If the offset is not a multiple of 4.
 */
export function resizePasses(options: FirstPass & SecondPass): { readonly first: Kernel; readonly second: Kernel } {
  return options.tables.verticalFirst
    ? { first: resizeBytesVerticallyKernel(options), second: resizeRowsHorizontallyKernel(options) }
    : { first: resizeHorizontalKernel(options), second: resizeVerticalKernel(options) };
}

function checkOffset(pixelsOffset: number): void {
  if (pixelsOffset % 4 !== 0) {
    throw new RangeError(`Cannot resize an image at byte ${pixelsOffset}: not a multiple of 4`);
  }
}

/**
 * The horizontal pass, where it is the first.
 *
 * @param options `tables` of the image; `pixelsOffset`, in bytes, a multiple of 4, where in `pixels` the image begins;
 * `tablesOffset`, in elements, where in `tables` its values do.
 * @returns A kernel with the bindings `pixels` (bytes, `[height, width, 3]`, packed), `tables` (i32) and `rows` (u32,
 * `[tables.rows, size[1]]`, red in the lowest byte).
 * @throws {RangeError} If the offset is not a multiple of 4.
 */
export function resizeHorizontalKernel(options: FirstPass): Kernel {
  const { tables, pixelsOffset, tablesOffset, profile } = options;
  checkOffset(pixelsOffset);
  const output = tables.size[1];
  return itemKernel({
    name: "resize horizontally",
    profile,
    bindings: { pixels: "u32", tables: "i32", rows: "u32" },
    parameters: [
      { name: "pixels", value: pixelsOffset / 4 },
      { name: "table", value: tablesOffset },
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
 * @throws {RangeError} If the offset is not a multiple of 4.
 */
export function resizeBytesVerticallyKernel(options: FirstPass): Kernel {
  const { tables, pixelsOffset, tablesOffset, profile } = options;
  checkOffset(pixelsOffset);
  return itemKernel({
    name: "resize bytes vertically",
    profile,
    bindings: { pixels: "u32", tables: "i32", rows: "u32" },
    parameters: [
      { name: "pixels", value: pixelsOffset / 4 },
      { name: "table", value: tablesOffset + tables.vertical },
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
  const { tables, tablesOffset, slot, profile, storage } = options;
  const [height, width] = tables.size;
  const vector = vectorType(storage);
  return itemKernel({
    name: `resize rows horizontally ${storage}`,
    profile,
    bindings: { rows: "u32", tables: "i32", levels: "vec4<f32>", output: vector },
    parameters: [
      { name: "table", value: tablesOffset },
      { name: "width", value: width },
      { name: "columns", value: tables.columns },
      { name: "slot", value: slot },
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
 * @param options `tables` of the image; `tablesOffset`, in elements, where in `tables` its values begin; `slot`, its
 * number in the batch; `storage` of the batch.
 * @returns A kernel with the bindings `rows` (of {@linkcode resizeHorizontalKernel}), `tables` (i32), `levels` (f32, of
 * `normalisationLevels`) and `output`, `[N, size[0], size[1], 3]` padded to 4 channels.
 */
export function resizeVerticalKernel(options: SecondPass): Kernel {
  const { tables, tablesOffset, slot, profile, storage } = options;
  const [height, width] = tables.size;
  const vector = vectorType(storage);
  return itemKernel({
    name: `resize vertically ${storage}`,
    profile,
    bindings: { rows: "u32", tables: "i32", levels: "vec4<f32>", output: vector },
    parameters: [
      { name: "table", value: tablesOffset + tables.vertical },
      { name: "width", value: width },
      { name: "height", value: height },
      { name: "slot", value: slot },
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
