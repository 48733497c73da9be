/**
 * How near pooled targets are to others of the same crops.
 *
 * @module
 */

/** Two sets of targets compared. */
export interface Fidelity {
  /** Mean of sum p log(p / q) over crops, nats. */
  readonly divergence: number;
  /** Share of crops whose best class is the same. */
  readonly sameBest: number;
}

/**
 * Compares targets.
 *
 * @param expected `[crops, C]`, p.
 * @param found `[crops, C]`, q.
 * @param classes C.
 * @returns Divergence of the found from the expected, and agreement of their best classes.
 */
export function compareTargets(expected: ArrayLike<number>, found: ArrayLike<number>, classes: number): Fidelity {
  const crops = expected.length / classes;
  let [divergence, same] = [0, 0];
  for (let crop = 0; crop < crops; crop++) {
    let [bestExpected, bestFound] = [0, 0];
    for (let index = 0; index < classes; index++) {
      const at = crop * classes + index;
      if (expected[at] > 0) divergence += expected[at] * Math.log(expected[at] / found[at]);
      if (expected[at] > expected[crop * classes + bestExpected]) bestExpected = index;
      if (found[at] > found[crop * classes + bestFound]) bestFound = index;
    }
    if (bestExpected === bestFound) same++;
  }
  return { divergence: divergence / crops, sameBest: same / crops };
}
