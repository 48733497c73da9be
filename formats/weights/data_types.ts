/**
 * Element types of stored tensors, named as safetensors names them, and their conversion to float32.
 *
 * @module
 */

import { isCount } from "../base/json.ts";

/** An element type that can be read. */
export interface DataType {
  /** Bytes an element. */
  readonly size: number;
  /** Converts little-endian elements; `bytes` starts at an offset of its buffer that is a multiple of `size`. */
  readonly toFloat32: (bytes: Uint8Array<ArrayBuffer>) => Float32Array<ArrayBuffer>;
}

type TypedArray = ArrayLike<number> & { readonly length: number };

function view<T>(
  ctor: new (buffer: ArrayBuffer, byteOffset: number, length: number) => T,
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): T {
  return new ctor(bytes.buffer, bytes.byteOffset, bytes.byteLength / size);
}

function converted(
  size: number,
  ctor: new (buffer: ArrayBuffer, byteOffset: number, length: number) => TypedArray,
): DataType {
  return { size, toFloat32: (bytes) => Float32Array.from(view(ctor, bytes, size)) };
}

/** The float32 of each float16: converting them one by one takes V8 ten times as long as looking them up. */
let float16Values: Float32Array<ArrayBuffer> | undefined;

function float16ToFloat32(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const values = float16Values ??= Float32Array.from(
    new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits).buffer),
  );
  const halves = view(Uint16Array, bytes, 2);
  const elements = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index++) elements[index] = values[halves[index]];
  return elements;
}

/** bfloat16 is the upper half of a float32. */
function bfloat16ToFloat32(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const halves = view(Uint16Array, bytes, 2);
  const words = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) words[index] = halves[index] << 16;
  return new Float32Array(words.buffer);
}

/** The element types by their names. Integers are read too: published label maps and counters are tensors as well. */
export const dataTypes: Readonly<Record<string, DataType>> = {
  F64: converted(8, Float64Array),
  F32: { size: 4, toFloat32: (bytes) => view(Float32Array, bytes, 4) },
  F16: { size: 2, toFloat32: float16ToFloat32 },
  BF16: { size: 2, toFloat32: bfloat16ToFloat32 },
  I64: { size: 8, toFloat32: (bytes) => Float32Array.from(view(BigInt64Array, bytes, 8), Number) },
  I32: converted(4, Int32Array),
  I16: converted(2, Int16Array),
  I8: converted(1, Int8Array),
  U8: converted(1, Uint8Array),
  BOOL: converted(1, Uint8Array),
};

/** Bytes an element of the types that cannot be read, but may stand in a file. */
export const otherSizes: Readonly<Record<string, number>> = {
  U64: 8,
  U32: 4,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
  C32: 4,
  C64: 8,
  C128: 16,
};

/** Axes of a tensor, at most: NumPy's limit, and more than any network has. */
const MAXIMUM_AXES = 64;

/** Whether a value that was read can be the sizes of a tensor's axes, or the steps along them. */
export function areSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAXIMUM_AXES && value.every(isCount);
}

/** Whether a value that was read can be a tensor's shape. */
export function isShape(value: unknown): value is number[] {
  return areSizes(value) && Number.isSafeInteger(elementCount(value));
}

/**
 * Number of elements of a shape.
 *
 * @param shape Sizes of the axes.
 * @returns The product of the sizes, 1 for a scalar; infinite if it is beyond all numbers.
 */
export function elementCount(shape: readonly number[]): number {
  // Infinity times zero is no number.
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}
