/**
 * Resizing on the GPU: a horizontal pass into RGBA of 8 bits, and a vertical one that normalises into a batch. Both take
 * all of an image's numbers as parameters.
 *
 * @module
 */

import type { Kernel, Profile } from "../../kernel.ts";
import { itemKernel, type Target, vectorType } from "../tensor.ts";
import { PACKED_SUM, sumHorizontally, sumVertically } from "./fixed_point.ts";
import type { ResizeTables } from "./tables.ts";

/**
 * The horizontal pass.
 *
 * @param options `tables` of the image; `pixelsOffset`, in bytes, a multiple of 4, where in `pixels` the image begins;
 * `tablesOffset`, in elements, where in `tables` its values do.
 * @returns A kernel with the bindings `pixels` (bytes, `[height, width, 3]`, packed), `tables` (i32) and `rows` (u32,
 * `[tables.rows, size[1]]`, red in the lowest byte).
 * @throws {RangeError} If the offset is not a multiple of 4.
 */
export function resizeHorizontalKernel(
  options: { tables: ResizeTables; pixelsOffset: number; tablesOffset: number; profile: Profile },
): Kernel {
  const { tables, pixelsOffset, tablesOffset, profile } = options;
  if (pixelsOffset % 4 !== 0) {
    throw new RangeError(`Cannot resize an image at byte ${pixelsOffset}: not a multiple of 4`);
  }
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
 * The vertical pass, and normalisation.
 *
 * @param options `tables` of the image; `tablesOffset`, in elements, where in `tables` its values begin; `slot`, its
 * number in the batch; `storage` of the batch.
 * @returns A kernel with the bindings `rows` (of {@linkcode resizeHorizontalKernel}), `tables` (i32), `levels` (f32, of
 * `normalisationLevels`) and `output`, `[N, size[0], size[1], 3]` padded to 4 channels.
 */
export function resizeVerticalKernel(
  options: { tables: ResizeTables; tablesOffset: number; slot: number } & Target,
): Kernel {
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
  let normalised = vec4<f32>(levels[sum.x].x, levels[sum.y].y, levels[sum.z].z, 0.0);
  output[parameters.slot * parameters.items + item] = ${vector}(normalised);`,
  });
}
