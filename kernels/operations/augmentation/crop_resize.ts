/**
 * Resizing the parts of a batch's images in one dispatch, as Pillow does it, to the bit (see `../resize`): every image
 * has a size and tables of its own, which its record names.
 *
 * A workgroup makes 16 x 16 pixels of one image. Its invocations resize the rows that these need horizontally, into
 * workgroup memory, and then vertically, or the columns vertically and then horizontally: the intermediate image never
 * leaves the chip. At most 4 rows or columns of the part go into one of the result (`reduce.ts`), and 16 of the result need
 * at most 77 with the widest filter. A mirror image reads the horizontal table backwards.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, spreadWorkgroups } from "../../engine/kernel.ts";
import { PACKED_SUM, sumBytesVertically, sumHorizontally, sumVertically } from "../resize/fixed_point.ts";
import { BUILTINS, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { finishPixel } from "./finish.ts";
import { MOST_REDUCTION } from "./reduce.ts";
import { recordVectors } from "./records.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/** Pixels of a workgroup along either axis. */
const TILE = 16;

/** The widest filter's support. */
const SUPPORT = 2;

/** Rows, or columns, that a tile needs: its middles lie at most 15 x 4 apart, and the filter reaches 2 x 4 to both sides. */
const ROWS = (TILE - 1) * MOST_REDUCTION + 2 * SUPPORT * MOST_REDUCTION + 2;

/**
 * Cuts out and resizes a batch, for a GPU.
 *
 * @param options Images of a `batch`; what happens to them; `normalised` whether the result is the network's input, or
 * pixels of 8 bits for further operations; `storage` of the former.
 * @returns A kernel with the bindings `pixels` (bytes, each part's `[height, width, 3]`; three words past the last are
 * read), `tables` (i32, of `resizeTables`), `records`, and `output`: `[N, H, W, 3]`, or u32 `[N, H, W]` with red in the
 * lowest byte and 255 in the highest where there is an image.
 */
export function cropResizeKernel(
  options: { batch: number; settings: AugmentationSettings; normalised: boolean } & Pick<Target, "storage">,
): Kernel {
  const { batch, settings, normalised, storage } = options;
  const [height, width] = settings.size;
  const tiles = [Math.ceil(height / TILE), Math.ceil(width / TILE)];
  const finish = finishPixel(settings);
  const own = normalised ? finish.parameters.filter(({ name }) => name !== "recordVectors") : [];
  const bindings = {
    pixels: "u32",
    tables: "i32",
    records: "vec4<u32>",
    output: normalised ? vectorType(storage) : "u32",
  };
  const parameters = unsigned([
    { name: "batch", value: batch },
    { name: "height", value: height },
    { name: "width", value: width },
    { name: "tileRows", value: tiles[0] },
    { name: "tileColumns", value: tiles[1] },
    { name: "recordVectors", value: recordVectors(settings) },
    ...own,
  ]);
  return {
    name: `crop and resize ${normalised ? storage : "8 bits"}`,
    code: `${declarations(bindings, parameters)}
/** Rows of the part, resized horizontally, 16 pixels each; or 16 rows, resized vertically, of the columns. */
var<workgroup> resized: array<u32, ${ROWS * TILE}>;
${normalised ? finish.functions : ""}
@compute @workgroup_size(${TILE * TILE})
fn main(${BUILTINS}) {
  let tile = workgroup.y * workgroups.x + workgroup.x;
  let sample = tile / (parameters.tileRows * parameters.tileColumns);
  if (sample >= parameters.batch) { return; }
  let top = tile / parameters.tileColumns % parameters.tileRows * ${TILE}u;
  let column = local % ${TILE}u;
  let x = tile % parameters.tileColumns * ${TILE}u + column;
  let y = top + local / ${TILE}u;
  let place = records[sample * parameters.recordVectors];
  let orders = records[sample * parameters.recordVectors + 1u].w;
  let mirrored = (orders & 1u) != 0u;
  let verticalFirst = (orders & 2u) != 0u;
  let first = u32(tables[place.w + top]);
  let left = tile % parameters.tileColumns * ${TILE}u;
  let right = min(left + ${TILE - 1}u, parameters.width - 1u);
  // The table's entries of the tile, from low to high.
  let low = place.z + select(left, parameters.width - 1u - right, mirrored);
  let high = place.z + select(right, parameters.width - 1u - left, mirrored);
  let firstColumn = u32(tables[low]);
  if ((place.y > 0u) & verticalFirst & (y < parameters.height)) {
    let columns = u32(tables[high] + tables[high + parameters.width]) - firstColumn;
    let taps = u32(tables[place.w + y + parameters.height]);
    let start = u32(tables[place.w + y]);
    for (var at = column; at < columns; at += ${TILE}u) {
      var weight = place.w + y + 2u * parameters.height;
      var byte = (start * place.y + firstColumn + at) * 3u;
${sumBytesVertically({ image: "place.x", width: "place.y", stride: "parameters.height" })}
      resized[local / ${TILE}u * ${ROWS}u + at] = ${PACKED_SUM};
    }
  }
  if ((place.y > 0u) & !verticalFirst & (x < parameters.width)) {
    let bottom = min(top + ${TILE - 1}u, parameters.height - 1u);
    let rows = u32(tables[place.w + bottom] + tables[place.w + parameters.height + bottom]) - first;
    let entry = place.z + select(x, parameters.width - 1u - x, mirrored);
    let start = u32(tables[entry]);
    let taps = u32(tables[entry + parameters.width]);
    for (var row = local / ${TILE}u; row < rows; row += ${TILE}u) {
      var weight = entry + 2u * parameters.width;
      let byte = ((first + row) * place.y + start) * 3u;
${sumHorizontally({ image: "place.x", stride: "parameters.width" })}
      resized[row * ${TILE}u + column] = ${PACKED_SUM};
    }
  }
  workgroupBarrier();
  if ((x < parameters.width) & (y < parameters.height)) {
    var colour = 0u;
    if ((place.y > 0u) & verticalFirst) {
      let entry = place.z + select(x, parameters.width - 1u - x, mirrored);
      let taps = u32(tables[entry + parameters.width]);
      var weight = entry + 2u * parameters.width;
      var source = local / ${TILE}u * ${ROWS}u + u32(tables[entry]) - firstColumn;
${sumVertically({ rows: "resized", width: "1u", stride: "parameters.width" })}
      colour = ${PACKED_SUM} | 0xff000000u;
    } else if (place.y > 0u) {
      let entry = place.w + y;
      let taps = u32(tables[entry + parameters.height]);
      var weight = entry + 2u * parameters.height;
      var source = (u32(tables[entry]) - first) * ${TILE}u + column;
${sumVertically({ rows: "resized", width: `${TILE}u`, stride: "parameters.height" })}
      colour = ${PACKED_SUM} | 0xff000000u;
    }
    let pixel = y * parameters.width + x;
    output[sample * parameters.height * parameters.width + pixel] = ${
      normalised ? `${vectorType(storage)}(finish(sample, pixel, colour))` : "colour"
    };
  }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(batch * tiles[0] * tiles[1]),
  };
}
