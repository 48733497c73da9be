/**
 * Label maps as they are stored: for each cell the k best classes and their logits, quantised.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import { NUMBER_FORMATS, numberTable } from "../../../formats/base/number_formats.ts";
import { classBytes, scoreBytes, type ScoreType } from "../quantise/kernels.ts";

/** Several label maps of one kind in contiguous arrays; a batch of a label-map folder is one. */
export interface SparseMaps {
  /** Number of maps. */
  readonly count: number;
  /** Classes kept in each cell. */
  readonly k: number;
  /** The last two axes as stored, cells. */
  readonly grid: Pair;
  /** Number of classes there are. */
  readonly classes: number;
  /** How scores are stored. */
  readonly dtype: ScoreType;
  /** Class indices `[count, k, H, W]`: 16 bits below 65,536 classes, else 32. */
  readonly class: Uint16Array | Uint32Array;
  /** Logits in the same order: float32, or the bit patterns of the smaller types. All finite. */
  readonly score: Float32Array | Uint16Array | Uint8Array;
}

/**
 * Checks that the arrays are what the numbers say.
 *
 * @param maps The maps.
 * @throws {TypeError} If an array has the wrong type or length.
 */
export function checkMaps({ count, k, grid, classes, dtype, ...arrays }: SparseMaps): void {
  const length = count * k * grid[0] * grid[1];
  const bytes = { class: classBytes(classes), score: scoreBytes(dtype) };
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
 * The numbers that a type's bit patterns stand for.
 *
 * @param dtype How scores are stored.
 * @returns Numbers by pattern; undefined for fp32, which is stored as numbers.
 */
export function scoreTable(dtype: ScoreType): Float32Array | undefined {
  return dtype === "fp32" ? undefined : numberTable(NUMBER_FORMATS[dtype]);
}

/**
 * WGSL that reads element `index` of an array packed into words.
 *
 * @param options The `name` of the function, of its `words` (an `array<u32>`), and of an element's `bytes`.
 * @returns The function's text; it gives the element as a `u32`.
 */
function elementFunction({ name, words, bytes }: { name: string; words: string; bytes: 1 | 2 | 4 }): string {
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
 * @returns Their text.
 */
export function elementFunctions({ classes, dtype }: { classes: number; dtype: ScoreType }): string {
  return elementFunction({ name: "classAt", words: "classWords", bytes: classBytes(classes) }) +
    elementFunction({ name: "scoreBits", words: "scoreWords", bytes: scoreBytes(dtype) }) +
    `fn scoreAt(index: u32) -> f32 {\n  let bits = scoreBits(index);\n${decoding(dtype)}\n}\n`;
}

/** Widened on the bits: the exponent moves by the difference of the biases; subnormals are counted and multiplied. */
function decoding(dtype: ScoreType): string {
  if (dtype === "fp32") return "  return bitcast<f32>(bits);";
  const { bits, mantissa, bias } = NUMBER_FORMATS[dtype];
  const magnitude = `bits & ${2 ** (bits - 1) - 1}u`;
  return `  let magnitude = ${magnitude};
  let normal = bitcast<f32>((magnitude << ${23 - mantissa}u) + ${(127 - bias) << 23}u);
  let small = f32(magnitude) * ${(2 ** (1 - bias - mantissa)).toExponential()};
  let value = select(normal, small, magnitude < ${2 ** mantissa}u);
  return select(value, -value, bits >= ${2 ** (bits - 1)}u);`;
}
