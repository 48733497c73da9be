/**
 * Clouds by the diamond-square algorithm (Fournier, Fussell and Carpenter, "Computer rendering of stochastic models", 1982),
 * on a square whose opposite sides meet.
 *
 * @module
 */

import type { RandomNumbers } from "../../formats/base/random.ts";

/**
 * Heights of a landscape, from 0 to 1.
 *
 * @param side Points along a side of the square, a power of two.
 * @param decay What the roughness is divided by from a scale to the next finer one.
 * @param random Where it draws from.
 * @returns `[side, side]`, row-major; the lowest is 0, the highest 1.
 */
export function plasma(side: number, decay: number, random: RandomNumbers): Float32Array {
  const heights = new Float64Array(side * side);
  const place = (x: number, y: number) => ((y + side) % side) * side + (x + side) % side;
  let roughness = 100;
  for (let step = side; step >= 2; step /= 2) {
    const half = step / 2;
    const most = roughness ** 2;
    /** A point as the mean of those at some distances from it, and noise. */
    const set = (x: number, y: number, distances: readonly (readonly [number, number])[]) => {
      const sum = distances.reduce((sum, [right, down]) => sum + heights[place(x + right, y + down)], 0);
      heights[place(x, y)] = sum / 4 + random.uniform(-most, most);
    };
    const corners = [[-half, -half], [half, -half], [-half, half], [half, half]] as const;
    const neighbours = [[-half, 0], [half, 0], [0, -half], [0, half]] as const;
    for (let y = half; y < side; y += step) for (let x = half; x < side; x += step) set(x, y, corners);
    for (let y = 0; y < side; y += step) for (let x = half; x < side; x += step) set(x, y, neighbours);
    for (let y = half; y < side; y += step) for (let x = 0; x < side; x += step) set(x, y, neighbours);
    roughness /= decay;
  }
  const [least, most] = heights.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [
    Infinity,
    -Infinity,
  ]);
  return Float32Array.from(heights, (value) => (value - least) / (most - least));
}
