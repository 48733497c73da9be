/**
 * IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 mantissa bits.
 *
 * | exponent | value |
 * | --- | --- |
 * | 0 | (-1)^s x 2^-14 x m / 1024 |
 * | 1 to 30 | (-1)^s x 2^(e - 15) x (1 + m / 1024) |
 * | 31 | infinity if m = 0, else NaN |
 *
 * The largest finite value is 65,504; what rounds to 65,520 or more becomes infinity.
 *
 * @module
 */

/**
 * Rounds to the nearest float16, ties to the even mantissa.
 *
 * @param values Numbers.
 * @returns Their bit patterns.
 */
export function toFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

/**
 * The numbers that float16 bit patterns stand for; exact.
 *
 * @param bits Bit patterns.
 * @returns Their values.
 */
export function fromFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(new Float16Array(bits.slice().buffer));
}
