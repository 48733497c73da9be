/**
 * The two 8-bit floating point formats of the OCP specification "8-bit Floating Point (OFP8)", revision 1.0.
 *
 * | | E4M3 | E5M2 |
 * | --- | --- | --- |
 * | exponent bits, bias | 4, 7 | 5, 15 |
 * | mantissa bits | 3 | 2 |
 * | largest finite | 448 (0x7e) | 57,344 (0x7b) |
 * | smallest normal, subnormal | 2^-6, 2^-9 | 2^-14, 2^-16 |
 * | infinity | none | 0x7c |
 * | NaN | 0x7f | 0x7d to 0x7f |
 *
 * All with a sign bit above. Conversion to both is the specification's saturating mode (section 5.2.1): to nearest, ties
 * to the even mantissa; anything past the largest finite value, infinities included, becomes the largest finite value of
 * that sign; NaN becomes 0x7f. So an E5M2 infinity is read, but never written. PyTorch's `float8_e5m2` conversion is the
 * other, overflowing mode: it agrees below 61,440 and gives infinity from there on; its `float8_e4m3fn` gives NaN from
 * 464 on.
 *
 * @module
 */

/** How an 8-bit float divides its bits. */
export interface Float8Format {
  readonly mantissaBits: number;
  readonly bias: number;
  /** Bit pattern of the largest finite value. */
  readonly largest: number;
}

export const E4M3: Float8Format = { mantissaBits: 3, bias: 7, largest: 0x7e };
export const E5M2: Float8Format = { mantissaBits: 2, bias: 15, largest: 0x7b };

/**
 * Rounds to the nearest E4M3 value, saturating at 448.
 *
 * @param values Numbers.
 * @returns Their bit patterns.
 */
export function toFloat8E4M3(values: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values, (value) => roundToFloat8(value, E4M3));
}

/**
 * Rounds to the nearest E5M2 value, saturating at 57,344.
 *
 * @param values Numbers.
 * @returns Their bit patterns.
 */
export function toFloat8E5M2(values: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values, (value) => roundToFloat8(value, E5M2));
}

/**
 * The numbers that E4M3 bit patterns stand for; exact.
 *
 * @param bits Bit patterns.
 * @returns Their values.
 */
export function fromFloat8E4M3(bits: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, (byte) => (byte & 0x7f) === 0x7f ? NaN : finiteValue(byte, E4M3));
}

/**
 * The numbers that E5M2 bit patterns stand for; exact.
 *
 * @param bits Bit patterns.
 * @returns Their values.
 */
export function fromFloat8E5M2(bits: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, (byte) => {
    if ((byte & 0x7c) !== 0x7c) return finiteValue(byte, E5M2);
    if ((byte & 0x03) !== 0) return NaN;
    return byte < 0x80 ? Infinity : -Infinity;
  });
}

/**
 * Rounds one number to the nearest value of a format, saturating.
 *
 * It works on the float32 bits: a magnitude in the normal range keeps its upper mantissa bits, half of the last kept bit
 * (less one if that bit is 0, which is what makes ties even) is added first, and a carry into the exponent is right as
 * it stands. Below the smallest normal value, the magnitude counted in smallest subnormals is rounded instead.
 */
export function roundToFloat8(value: number, { mantissaBits, bias, largest }: Float8Format): number {
  if (Number.isNaN(value)) return 0x7f;
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  const sign = bits >>> 24 & 0x80;
  const magnitude = bits & 0x7fffffff;
  const dropped = 23 - mantissaBits;
  const smallestNormal = (128 - bias) << 23;
  if (magnitude < smallestNormal) {
    word.setUint32(0, magnitude);
    return sign | roundEven(word.getFloat32(0) * 2 ** (bias - 1 + mantissaBits));
  }
  const rounded = magnitude + (1 << (dropped - 1)) - 1 + (magnitude >>> dropped & 1);
  return sign | Math.min((rounded - smallestNormal >>> dropped) + (1 << mantissaBits), largest);
}

const word = new DataView(new ArrayBuffer(4));

/** The nearest integer of a number that is not negative, ties to even. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function finiteValue(byte: number, { mantissaBits, bias }: Float8Format): number {
  const sign = byte < 0x80 ? 1 : -1;
  const exponent = (byte & 0x7f) >> mantissaBits;
  const fraction = (byte & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}
