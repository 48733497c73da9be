/**
 * autoContrast as Pillow does it: value v of a colour whose lowest is l and whose highest is h becomes
 *
 *     trunc(v s + (-l s)),    s = 255 / (h - l),
 *
 * every step rounded to double precision. Where 255 (v - l) / (h - l) is a whole number, the rounded sum may be a little less
 * and is cut off to the one before, as for 12,094 of 2,828,800 (l, h, v), more often of photographs
 * that span nearly all values. A device without double precision divides whole numbers and
 * looks up where that happens.
 *
 * @module
 */

/**
 * What a value becomes.
 *
 * @param value From low to high.
 * @param low The lowest of its colour.
 * @param high The highest.
 * @returns 0 to 255; the value itself if there is no other.
 */
export function stretch(value: number, low: number, high: number): number {
  if (high <= low) return value;
  const scale = 255 / (high - low);
  return Math.min(Math.max(Math.trunc(value * scale + -low * scale), 0), 255);
}

/** 32-bit words of a pair of lowest and highest in {@linkcode stretchCorrections}. */
const PAIR_WORDS = 8;

/**
 * Where Pillow's value is one less than the quotient of whole numbers.
 *
 * @returns A bit for each value, by lowest and highest: `[256, 256, 8]` words, the first value in the lowest bit.
 */
export function stretchCorrections(): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(256 * 256 * PAIR_WORDS);
  for (let low = 0; low < 256; low++) {
    for (let high = low + 1; high < 256; high++) {
      const range = high - low;
      const first = (low * 256 + high) * PAIR_WORDS;
      for (let value = low; value <= high; value++) {
        const product = (value - low) * 255;
        if (product % range === 0 && stretch(value, low, high) < product / range) {
          bits[first + (value >> 5)] |= 1 << (value & 31);
        }
      }
    }
  }
  return bits;
}

/** WGSL of {@linkcode stretch}, for low below high: `stretched(value: u32, low: u32, high: u32) -> u32`; it reads `corrections`. */
export const STRETCHED = `
fn stretched(value: u32, low: u32, high: u32) -> u32 {
  let inside = clamp(value, low, high);
  let bits = corrections[(low * 256u + high) * ${PAIR_WORDS}u + inside / 32u];
  return (inside - low) * 255u / (high - low) - ((bits >> (inside % 32u)) & 1u);
}
`;
