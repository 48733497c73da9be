/**
 * Label maps as they are stored: for each cell the k best classes and their logits, quantised.
 *
 * @module
 */

import { NUMBER_FORMATS } from "../../../formats/base/number_formats.ts";
import { classArray, type LabelMapBatch, type LabelMapType, SCORE_ARRAYS } from "../../../formats/base/label_map.ts";

/**
 * Checks that the arrays are what the numbers say.
 *
 * @param maps The maps.
 * @throws {TypeError} If an array has the wrong type or length.
 */
export function checkMaps({ count, k, grid, classes, dtype, ...arrays }: LabelMapBatch): void {
  const length = count * k * grid[0] * grid[1];
  const bytes = { class: classArray(classes).BYTES_PER_ELEMENT, score: SCORE_ARRAYS[dtype].BYTES_PER_ELEMENT };
  for (const name of ["class", "score"] as const) {
    const array = arrays[name];
    if (array.length === length && array.BYTES_PER_ELEMENT === bytes[name]) continue;
    throw new TypeError(
      `Cannot pool label maps: ${name} is a ${array.constructor.name} of ${array.length}, expected ${length} values ` +
        `([${count}, ${k}, ${grid.join(", ")}]) of ${bytes[name]} bytes`,
    );
  }
}

/**
 * WGSL that reads element `index` of an array packed into words.
 *
 * @param options The `name` of the function, of its `words` (an `array<u32>`), and of an element's `bytes`.
 * @returns The function's text; it gives the element as a `u32`.
 */
function elementFunction({ name, words, bytes }: { name: string; words: string; bytes: number }): string {
  const each = 4 / bytes;
  const body = bytes === 4
    ? `${words}[index]`
    : `(${words}[index / ${each}u] >> (index % ${each}u * ${bytes * 8}u)) & ${2 ** (bytes * 8) - 1}u`;
  return `fn ${name}(index: u32) -> u32 { return ${body}; }\n`;
}

/**
 * WGSL functions `classAt(index) -> u32` and `scoreAt(index) -> f32` over the bindings `classWords` and `scoreWords`,
 * `array<u32>` both.
 *
 * @param options Number of `classes`, and the scores' `dtype`.
 * @returns The functions' text.
 */
export function elementFunctions({ classes, dtype }: { classes: number; dtype: LabelMapType }): string {
  return elementFunction({ name: "classAt", words: "classWords", bytes: classArray(classes).BYTES_PER_ELEMENT }) +
    elementFunction({ name: "scoreBits", words: "scoreWords", bytes: SCORE_ARRAYS[dtype].BYTES_PER_ELEMENT }) +
    `fn scoreAt(index: u32) -> f32 {\n  let bits = scoreBits(index);\n${decoding(dtype)}\n}\n`;
}

/** Widened on the bits: the exponent moves by the difference of the biases; subnormals are counted and multiplied. */
function decoding(dtype: LabelMapType): string {
  if (dtype === "fp32") return "  return bitcast<f32>(bits);";
  const { bits, mantissa, bias } = NUMBER_FORMATS[dtype];
  const magnitude = `bits & ${2 ** (bits - 1) - 1}u`;
  return `  let magnitude = ${magnitude};
  let normal = bitcast<f32>((magnitude << ${23 - mantissa}u) + ${(127 - bias) << 23}u);
  let small = f32(magnitude) * ${(2 ** (1 - bias - mantissa)).toExponential()};
  let value = select(normal, small, magnitude < ${2 ** mantissa}u);
  return select(value, -value, bits >= ${2 ** (bits - 1)}u);`;
}
