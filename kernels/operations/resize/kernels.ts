/**
 * Resizing on the GPU: a horizontal pass into RGBA of 8 bits, and a vertical one that normalises into a batch. Both take
 * all of an image's numbers as parameters.
 *
 * @module
 */

import type { Kernel, Profile } from "../../kernel.ts";
import { itemKernel, type Target, vectorType } from "../tensor.ts";
import { GROUP, PRECISION, type ResizeTables } from "./tables.ts";

const ROUND = `  sum = clamp(sum >> vec3<u32>(${PRECISION}u), vec3<i32>(0), vec3<i32>(255));`;
const START = `vec3<i32>(${1 << (PRECISION - 1)})`;

/** Pixel `tap` of three words, weighed. */
function weigh(tap: number): string {
  const bytes = [0, 1, 2].map((colour) => {
    const byte = 3 * tap + colour;
    return `(word${byte >> 2} >> ${(byte & 3) * 8}u) & 255u`;
  });
  return `    sum += vec3<i32>(vec3<u32>(${bytes.join(", ")})) * tables[weight + ${tap}u * parameters.output];`;
}

/**
 * The horizontal pass. Taps go in groups of 4: fewer loads, 5 to 30 % less time. Past an output pixel's last tap they
 * read whatever lies there, with weight zero.
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
  // The group's 12 bytes begin within a word, always at the same byte, since a group is whole words long.
  let shift = byte % 4u * 8u;
  var source = parameters.pixels + byte / 4u;
  var next = pixels[source];
  var sum = ${START};
  for (var tap = 0u; tap < taps; tap += ${GROUP}u) {
${
      [0, 1, 2].map((word) =>
        `    let before${word} = next;
    next = pixels[source + ${word + 1}u];
    let word${word} = (before${word} >> shift) | ((next << 1u) << (31u - shift));`
      ).join("\n")
    }
${[0, 1, 2, 3].map(weigh).join("\n")}
    weight += ${GROUP}u * parameters.output;
    source += 3u;
  }
${ROUND}
  rows[item] = u32(sum.x | (sum.y << 8u) | (sum.z << 16u));`,
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
  var sum = ${START};
  for (var tap = 0u; tap < taps; tap++) {
    let colour = rows[source];
    let rgb = vec3<i32>(vec3<u32>(colour, colour >> 8u, colour >> 16u) & vec3<u32>(255u));
    sum += rgb * tables[weight];
    weight += parameters.height;
    source += parameters.width;
  }
${ROUND}
  let normalised = vec4<f32>(levels[sum.x].x, levels[sum.y].y, levels[sum.z].z, 0.0);
  output[parameters.slot * parameters.items + item] = ${vector}(normalised);`,
  });
}
