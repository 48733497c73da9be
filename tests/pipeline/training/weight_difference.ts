/**
 * How far the weights of two trainings lie apart.
 *
 * @module
 */

import { join } from "@std/path";
import { readCheckpoint, weightsOf } from "../../../pipeline/training/checkpoint.ts";

/**
 * The length of the difference of two runs' weights, running statistics included, as a share of their length. Activations
 * that lie so near to zero that rounding turns their sign make it larger than rounding itself.
 *
 * @param folder A run's.
 * @param other Another run's, at the same place.
 * @returns 0 for the same weights.
 * @throws {TypeError} If the runs are of other networks, or at other places.
 */
export async function weightDifference(folder: string, other: string): Promise<number> {
  const [first, second] = await Promise.all([folder, other].map(async (path) => {
    const { state, position } = (await readCheckpoint(join(path, "last.safetensors")))!;
    return { weights: weightsOf(state), place: `${position.epoch}.${position.step}` };
  }));
  if (first.place !== second.place) throw new TypeError(`Cannot compare weights of ${first.place} and ${second.place}`);
  let [differences, squares] = [0, 0];
  for (const [name, { data }] of first.weights) {
    const others = second.weights.get(name)?.data;
    if (others?.length !== data.length) throw new TypeError(`Cannot compare weights: "${name}" is of one of them only`);
    data.forEach((value, index) => {
      differences += (value - others[index]) ** 2;
      squares += value ** 2;
    });
  }
  return Math.sqrt(differences / squares);
}
