/**
 * Normalisation of 8-bit pixels: (v / 255 - mean) / std for each colour.
 *
 * A level has only 256 values. They are computed here once, each step rounded to f32 as torchvision's `ToTensor` and
 * `Normalize` do, and looked up by the kernel: WGSL's own division may be off by 2.5 units of the last place.
 *
 * @module
 */

/**
 * The normalised value of every level of every colour.
 *
 * @param mean Mean of red, green and blue, on a scale where 255 is 1.
 * @param std Standard deviation of red, green and blue, on a scale where 255 is 1.
 * @returns `[256, 4]`: red, green, blue and a zero for each level.
 */
export function normalisationLevels(mean: readonly number[], std: readonly number[]): Float32Array<ArrayBuffer> {
  const levels = new Float32Array(256 * 4);
  for (let level = 0; level < 256; level++) {
    for (let colour = 0; colour < 3; colour++) {
      const centred = Math.fround(Math.fround(level / 255) - Math.fround(mean[colour]));
      levels[level * 4 + colour] = centred / Math.fround(std[colour]);
    }
  }
  return levels;
}
