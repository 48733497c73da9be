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

import {
  encodeNumber,
  NUMBER_FORMATS,
  type NumberFormat,
  type ScoreType,
} from "../../../formats/base/number_formats.ts";
import type { Kernel, Profile } from "../../engine/kernel.ts";
import { itemKernel } from "../shared/tensor.ts";

export type { ScoreType };

/**
 * What an annotator's scores are packed into on the device. The 8-bit types are made of float32 on the CPU, since errors are
 * passed on from cell to cell there (`formats/labels/diffusion.ts`), one after the other.
 */
export type PackedScoreType = "fp32" | "fp16";

/** Bytes of a stored score. */
export function scoreBytes(type: ScoreType): 1 | 2 | 4 {
  return type === "fp32" ? 4 : NUMBER_FORMATS[type].bits === 16 ? 2 : 1;
}

/** Bytes of a stored class: 2, or 4 from 65,536 classes on. */
export function classBytes(classes: number): 2 | 4 {
  return classes < 65536 ? 2 : 4;
}

/**
 * The 32-bit words of an image's packed row.
 *
 * @param elements k * H * W.
 * @param bytes Of an element.
 * @returns Words, the last one filled up with zeros.
 */
export function packedWords(elements: number, bytes: number): number {
  return Math.ceil((elements * bytes) / 4);
}

/**
 * A score's bit pattern, on the CPU.
 *
 * @param value A number; read as f32.
 * @param type Of the score.
 * @returns The pattern, as an unsigned integer.
 */
export function quantiseReference(value: number, type: ScoreType): number {
  if (type === "fp32") return new Uint32Array(Float32Array.of(value).buffer)[0];
  return encodeNumber(value, NUMBER_FORMATS[type]);
}

/**
 * Packs scores on the CPU.
 *
 * @param value `[N, elements]`.
 * @param options `batch`, `elements` an image and the type to pack into.
 * @returns `[N, packedWords(elements, scoreBytes(type))]`.
 */
export function packScoresReference(
  value: ArrayLike<number>,
  options: { batch: number; elements: number; type: ScoreType },
): Uint32Array<ArrayBuffer> {
  const codes = Array.from(value, (number) => quantiseReference(number, options.type));
  return pack(codes, { ...options, bytes: scoreBytes(options.type) });
}

/**
 * Packs classes on the CPU.
 *
 * @param classIndex `[N, elements]`.
 * @param options `batch`, `elements` an image and the number of classes there are.
 * @returns `[N, packedWords(elements, classBytes(classes))]`.
 */
export function packClassesReference(
  classIndex: ArrayLike<number>,
  options: { batch: number; elements: number; classes: number },
): Uint32Array<ArrayBuffer> {
  return pack(classIndex, { ...options, bytes: classBytes(options.classes) });
}

function pack(
  codes: ArrayLike<number>,
  { batch, elements, bytes }: { batch: number; elements: number; bytes: number },
): Uint32Array<ArrayBuffer> {
  const words = packedWords(elements, bytes);
  const view = new DataView(new ArrayBuffer(batch * words * 4));
  for (let index = 0; index < codes.length; index++) {
    const offset = Math.floor(index / elements) * words * 4 + (index % elements) * bytes;
    for (let byte = 0; byte < bytes; byte++) view.setUint8(offset + byte, codes[index] >>> (byte * 8));
  }
  return Uint32Array.from({ length: batch * words }, (_, word) => view.getUint32(word * 4, true));
}

/**
 * Packs the values of a top-k.
 *
 * @param options `batch`, `elements` an image (k * H * W) and the type to pack into.
 * @returns A kernel with the bindings `value` (f32, `[N, elements]`) and `packed`
 * (u32, `[N, packedWords(elements, scoreBytes(type))]`).
 */
export function packScoresKernel(
  options: { batch: number; elements: number; type: ScoreType; profile: Profile },
): Kernel {
  const { type } = options;
  return packKernel({
    ...options,
    name: `pack scores ${type}`,
    source: "value",
    bytes: scoreBytes(type),
    functions: type === "fp32" ? "fn code(bits: u32) -> u32 { return bits; }" : roundingFunction(NUMBER_FORMATS[type]),
  });
}

/**
 * Packs the classes of a top-k.
 *
 * @param options `batch`, `elements` an image (k * H * W) and the number of classes there are.
 * @returns A kernel with the bindings `class` (u32, `[N, elements]`) and `packed`
 * (u32, `[N, packedWords(elements, classBytes(classes))]`).
 */
export function packClassesKernel(
  options: { batch: number; elements: number; classes: number; profile: Profile },
): Kernel {
  const bytes = classBytes(options.classes);
  return packKernel({
    ...options,
    name: `pack classes uint${bytes * 8}`,
    source: "class",
    bytes,
    functions: "fn code(bits: u32) -> u32 { return bits; }",
  });
}

function packKernel(options: {
  name: string;
  source: string;
  batch: number;
  elements: number;
  bytes: 1 | 2 | 4;
  functions: string;
  profile: Profile;
}): Kernel {
  const { name, source, batch, elements, bytes, functions, profile } = options;
  const words = packedWords(elements, bytes);
  const each = 4 / bytes;
  const parts = Array.from({ length: each }, (_, part) => {
    const value = `code(elements[row + first + ${part}u])${part > 0 ? ` << ${part * bytes * 8}u` : ""}`;
    return `  if (first + ${part}u < parameters.elements) { word |= ${value}; }`;
  });
  const kernel = itemKernel({
    name,
    profile,
    // In the text the source has a name of its own: WGSL reserves `class`.
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
  return { ...kernel, bindings: [source, "packed"] };
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
