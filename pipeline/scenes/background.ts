/**
 * Smooth noise: three octaves, each a grid of normal random numbers enlarged with Keys' cubic (a = -0.5).
 *
 * @module
 */

import { SCENE_SIZE } from "./scene_layout.ts";
import type { SceneNumbers } from "./scene_numbers.ts";

const CHANNELS = 3;

/** Cells along an edge, and standard deviation of a cell. */
const OCTAVES = [
  { grid: 3, amplitude: 0.14 },
  { grid: 8, amplitude: 0.1 },
  { grid: 22, amplitude: 0.05 },
].map((octave) => ({ ...octave, taps: cubicTaps(octave.grid) }));

/** Four cells of the coarse noise and their weights, for each of a scene's pixels along an edge. */
interface Taps {
  readonly cells: Uint8Array;
  readonly weights: Float64Array;
}

/**
 * Adds noise to an image.
 *
 * @param image `[H, W, 3]`.
 * @param random The random numbers to draw from.
 */
export function addSmoothNoise(image: Float32Array, random: SceneNumbers): void {
  for (const { grid, amplitude, taps: { cells, weights } } of OCTAVES) {
    const values = new Float32Array(grid * grid * CHANNELS);
    for (let index = 0; index < values.length; index++) values[index] = amplitude * random.normal();
    const line = SCENE_SIZE * CHANNELS;
    const lines = new Float32Array(grid * line);
    for (let row = 0; row < grid; row++) {
      for (let column = 0; column < SCENE_SIZE; column++) {
        for (let channel = 0; channel < CHANNELS; channel++) {
          let sum = 0;
          for (let tap = 4 * column; tap < 4 * column + 4; tap++) {
            sum += weights[tap] * values[(row * grid + cells[tap]) * CHANNELS + channel];
          }
          lines[row * line + column * CHANNELS + channel] = sum;
        }
      }
    }
    for (let row = 0; row < SCENE_SIZE; row++) {
      const [first, second, third, fourth] = [0, 1, 2, 3].map((tap) => lines.subarray(cells[4 * row + tap] * line));
      const [a, b, c, d] = weights.subarray(4 * row);
      for (let sample = 0; sample < line; sample++) {
        image[row * line + sample] += a * first[sample] + b * second[sample] + c * third[sample] + d * fourth[sample];
      }
    }
  }
}

/** Cells outside the grid are those at its edge; middles of pixels and cells are at halves. */
function cubicTaps(grid: number): Taps {
  const cells = new Uint8Array(4 * SCENE_SIZE);
  const weights = new Float64Array(4 * SCENE_SIZE);
  for (let pixel = 0; pixel < SCENE_SIZE; pixel++) {
    const place = (pixel + 0.5) * grid / SCENE_SIZE - 0.5;
    for (let tap = 0; tap < 4; tap++) {
      const cell = Math.floor(place) - 1 + tap;
      cells[4 * pixel + tap] = Math.min(Math.max(cell, 0), grid - 1);
      weights[4 * pixel + tap] = cubic(Math.abs(place - cell));
    }
  }
  return { cells, weights };
}

/** R. Keys, Cubic convolution interpolation for digital image processing, 1981, equation 15. */
function cubic(distance: number): number {
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return ((-0.5 * distance + 2.5) * distance - 4) * distance + 2;
  return 0;
}
