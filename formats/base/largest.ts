/**
 * The largest of many numbers.
 *
 * @module
 */

/**
 * Where the largest values are, largest first; of equals the first.
 *
 * @param values All values.
 * @param most How many are wanted at the most.
 * @param above What values must be more than.
 * @returns Indices of the largest values.
 */
export function largestIndices(values: ArrayLike<number>, most: number, above = -Infinity): number[] {
  const best: number[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (best.length === most ? !(value > values[best[most - 1]]) : value <= above) continue;
    let place = best.length;
    while (place > 0 && value > values[best[place - 1]]) place--;
    best.splice(place, 0, index);
    if (best.length > most) best.pop();
  }
  return best;
}
