/**
 * Typed arrays as bytes. Parquet and Arrow are little-endian, as is every machine Deno runs on.
 *
 * @module
 */

/** The bytes of a typed array, not copied. */
export function bytesOf<Memory extends ArrayBufferLike>(
  { buffer, byteOffset, byteLength }: ArrayBufferView<Memory>,
): Uint8Array<Memory> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** One array of all bytes in order. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joinArrays(parts, Uint8Array);
}

/**
 * One array of all values in order.
 *
 * @param arrays The parts.
 * @param Type Type of the result.
 * @returns A copy.
 */
export function joinArrays<TypedArray extends { set(values: ArrayLike<number>, offset: number): void }>(
  arrays: readonly ArrayLike<number>[],
  Type: new (length: number) => TypedArray,
): TypedArray {
  const whole = new Type(arrays.reduce((length, array) => length + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}
