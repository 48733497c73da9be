/**
 * Packing a label map: scores as fp32 or fp16, classes as uint16 or uint32.
 *
 * What a score is rounded to is said in `formats/base/number_formats.ts`. The kernel does it on the bits of the f32, in
 * integers: WGSL leaves open how its own conversions round. With M mantissa bits, 23 - M bits of the significand go; adding
 * half of the last bit kept, less one, plus that bit itself, and then cutting off, rounds ties to even, and a carry runs
 * into the exponent as it should. Below the smallest normal number the significand shifts further, by the missing exponent.
 *
 * Each image's row begins on a 4-byte boundary, the bytes past its end are zero; within a word the first element is the
 * lowest, so that on every machine the packed row is an array of the type.
 *
 * @module
 */

import { bytesOf } from "../../../formats/base/bytes.ts";
import { NUMBER_FORMATS, type NumberFormat } from "../../../formats/base/number_formats.ts";
import type { Kernel, Profile } from "../../engine/kernel.ts";
import { itemKernel } from "../shared/tensor.ts";
import {
  classArray,
  type Classes,
  type LabelMapType,
  SCORE_ARRAYS,
  type Scores,
} from "../../../formats/base/label_map.ts";
import { quantise } from "../../../formats/base/scores.ts";

/**
 * What an annotator's scores are packed into on the device. The 8-bit types are made of float32 on the CPU, since errors are
 * passed on from cell to cell there (`formats/labels/diffusion.ts`), one after the other.
 */
export type PackedScoreType = "fp32" | "fp16";

/**
 * The 32-bit words of an image's packed row.
 *
 * @param elements k * H * W.
 * @param bytes Bytes of an element.
 * @returns Words, the last one filled up with zeros.
 */
export function packedWords(elements: number, bytes: number): number {
  return Math.ceil((elements * bytes) / 4);
}

/**
 * Packs scores on the CPU.
 *
 * @param value `[N, elements]`.
 * @param options `batch`, `elements` per image and the type to pack into.
 * @returns `[N, packedWords(elements, bytes of a score)]`.
 */
export function packScoresReference(
  value: ArrayLike<number>,
  options: { batch: number; elements: number; type: LabelMapType },
): Uint32Array<ArrayBuffer> {
  return pack(quantise(Float32Array.from(value), options.type), options);
}

/**
 * Packs classes on the CPU.
 *
 * @param classIndex `[N, elements]`.
 * @param options `batch`, `elements` per image and the number of classes there are.
 * @returns `[N, packedWords(elements, bytes of a class)]`.
 */
export function packClassesReference(
  classIndex: ArrayLike<number>,
  options: { batch: number; elements: number; classes: number },
): Uint32Array<ArrayBuffer> {
  return pack(classArray(options.classes).from(classIndex), options);
}

function pack(
  codes: Scores | Classes,
  { batch, elements }: { batch: number; elements: number },
): Uint32Array<ArrayBuffer> {
  const words = packedWords(elements, codes.BYTES_PER_ELEMENT);
  const packed = new Uint32Array(batch * words);
  for (let image = 0; image < batch; image++) {
    bytesOf(packed).set(bytesOf(codes.subarray(image * elements, (image + 1) * elements)), image * words * 4);
  }
  return packed;
}

/**
 * Packs the values of a top-k.
 *
 * @param options `batch`, `elements` per image (k * H * W) and the type to pack into.
 * @returns A kernel with the bindings `elements` (f32, `[N, elements]`) and `packed`
 * (u32, `[N, packedWords(elements, bytes of a score)]`).
 */
export function packScoresKernel(
  options: { batch: number; elements: number; type: LabelMapType; profile: Profile },
): Kernel {
  const { type } = options;
  return packKernel({
    ...options,
    name: `pack scores ${type}`,
    bytes: SCORE_ARRAYS[type].BYTES_PER_ELEMENT,
    functions: type === "fp32" ? "fn code(bits: u32) -> u32 { return bits; }" : roundingFunction(NUMBER_FORMATS[type]),
  });
}

/**
 * Packs the classes of a top-k.
 *
 * @param options `batch`, `elements` per image (k * H * W) and the number of classes there are.
 * @returns A kernel with the bindings `elements` (u32, `[N, elements]`) and `packed`
 * (u32, `[N, packedWords(elements, bytes of a class)]`).
 */
export function packClassesKernel(
  options: { batch: number; elements: number; classes: number; profile: Profile },
): Kernel {
  const bytes = classArray(options.classes).BYTES_PER_ELEMENT;
  return packKernel({
    ...options,
    name: `pack classes uint${bytes * 8}`,
    bytes,
    functions: "fn code(bits: u32) -> u32 { return bits; }",
  });
}

function packKernel(options: {
  name: string;
  batch: number;
  elements: number;
  bytes: number;
  functions: string;
  profile: Profile;
}): Kernel {
  const { name, batch, elements, bytes, functions, profile } = options;
  const words = packedWords(elements, bytes);
  const each = 4 / bytes;
  const parts = Array.from({ length: each }, (_, part) => {
    const value = `code(elements[row + first + ${part}u])${part > 0 ? ` << ${part * bytes * 8}u` : ""}`;
    return `  if (first + ${part}u < parameters.elements) { word |= ${value}; }`;
  });
  return itemKernel({
    name,
    profile,
    bindings: { elements: "u32", packed: "u32" },
    parameters: [{ name: "elements", value: elements }, { name: "words", value: words }],
    items: batch * words,
    functions: `\n${functions}\n`,
    body: `  let row = item / parameters.words * parameters.elements;
  let first = item % parameters.words * ${each}u;
  var word = 0u;
${parts.join("\n")}
  packed[item] = word;`,
  });
}

/** `code(bits)`: the pattern of an f32, given as its bits, in a smaller format. */
function roundingFunction({ bits, mantissa, bias, largest, nan }: NumberFormat): string {
  const shift = 23 - mantissa;
  /** The f32 exponent field of the smallest normal number. */
  const smallest = 127 + 1 - bias;
  return `fn code(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return ${nan}u; }
  let exponent = magnitude >> 23u;
  var significand = magnitude - ${(smallest - 1) << 23}u;
  var shift = ${shift}u;
  if (exponent < ${smallest}u) {
    significand = (magnitude & 0x7fffffu) | select(0u, 0x800000u, exponent > 0u);
    shift = min(${shift}u + ${smallest}u - max(exponent, 1u), 31u);
  }
  let odd = (significand >> shift) & 1u;
  let rounded = (significand + ((1u << (shift - 1u)) - 1u) + odd) >> shift;
  return min(rounded, ${largest}u) | ((bits >> 31u) << ${bits - 1}u);
}`;
}
