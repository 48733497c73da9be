/**
 * The WGSL of fixed-point sums, common to the kernels that resize: weights are multiples of 2^-22 (`tables.ts`), a sum
 * begins at one half, and its bits above the point are clipped to 8. The texts count on some variables and declare others.
 *
 * @module
 */

import { GROUP, PRECISION } from "./tables.ts";

/** The three 8-bit colours of `sum` as a word, red in the lowest byte. */
export const PACKED_SUM = "u32(sum.x | (sum.y << 8u) | (sum.z << 16u))";

const START = `  var sum = vec3<i32>(${1 << (PRECISION - 1)});`;
const ROUND = `  sum = clamp(sum >> vec3<u32>(${PRECISION}u), vec3<i32>(0), vec3<i32>(255));`;

/**
 * Sums a pixel horizontally. Taps go in groups of 4: fewer loads, 5 to 30 % less time. Past an output pixel's last tap
 * they read whatever lies there, with weight zero.
 *
 * @param names WGSL expressions: `image`, the word of `pixels` that the image begins with; `stride`, from a tap's weight
 * to the next one's.
 * @returns Statements that read `pixels`, `tables`, `byte` (of the first tap's pixel in the image), `taps` and `weight`
 * (where in `tables` the first tap's is), change the last, and leave 8-bit colours in `sum`.
 */
export function sumHorizontally({ image, stride }: { image: string; stride: string }): string {
  return `  // The group's 12 bytes begin within a word, always at the same byte, since a group is whole words long.
  let shift = byte % 4u * 8u;
  var source = ${image} + byte / 4u;
  var next = pixels[source];
${START}
  for (var tap = 0u; tap < taps; tap += ${GROUP}u) {
${
    [0, 1, 2].map((word) =>
      `    let before${word} = next;
    next = pixels[source + ${word + 1}u];
    let word${word} = (before${word} >> shift) | ((next << 1u) << (31u - shift));`
    ).join("\n")
  }
${[0, 1, 2, 3].map((tap) => weigh(tap, stride)).join("\n")}
    weight += ${GROUP}u * ${stride};
    source += 3u;
  }
${ROUND}`;
}

/** Pixel `tap` of three words, weighed. */
function weigh(tap: number, stride: string): string {
  const bytes = [0, 1, 2].map((colour) => {
    const byte = 3 * tap + colour;
    return `(word${byte >> 2} >> ${(byte & 3) * 8}u) & 255u`;
  });
  return `    sum += vec3<i32>(vec3<u32>(${bytes.join(", ")})) * tables[weight + ${tap}u * ${stride}];`;
}

/**
 * Sums a pixel vertically from an image's bytes.
 *
 * @param names WGSL expressions: `image`, the word of `pixels` that the image begins with; `width` of it, pixels; `stride`,
 * from a tap's weight to the next one's.
 * @returns Statements that read `pixels`, `tables`, `taps`, `byte` (of the first tap's pixel in the image) and `weight` (where
 * in `tables` the first tap's is), change the last two, and leave 8-bit colours in `sum`. They read a word past the last pixel.
 */
export function sumBytesVertically(
  { image, width, stride }: { image: string; width: string; stride: string },
): string {
  return `${START}
  for (var tap = 0u; tap < taps; tap++) {
    let source = ${image} + byte / 4u;
    let shift = byte % 4u * 8u;
    let word = (pixels[source] >> shift) | ((pixels[source + 1u] << 1u) << (31u - shift));
    let rgb = vec3<i32>(vec3<u32>(word, word >> 8u, word >> 16u) & vec3<u32>(255u));
    sum += rgb * tables[weight];
    weight += ${stride};
    byte += ${width} * 3u;
  }
${ROUND}`;
}

/**
 * Sums a pixel vertically.
 *
 * @param names WGSL expressions: `rows`, the array of words with a pixel each; `width`, words from a tap's pixel to the next
 * one's, which is 1 where rows are summed horizontally;
 * `stride`, from a tap's weight to the next one's.
 * @returns Statements that read `tables`, `taps`, `weight` (where in `tables` the first tap's is) and `source` (its pixel
 * in the array), change the last two, and leave 8-bit colours in `sum`.
 */
export function sumVertically({ rows, width, stride }: { rows: string; width: string; stride: string }): string {
  return `${START}
  for (var tap = 0u; tap < taps; tap++) {
    let colour = ${rows}[source];
    let rgb = vec3<i32>(vec3<u32>(colour, colour >> 8u, colour >> 16u) & vec3<u32>(255u));
    sum += rgb * tables[weight];
    weight += ${stride};
    source += ${width};
  }
${ROUND}`;
}
