/**
 * Gradients as they are defined, to check the ones that are derived.
 *
 * @module
 */

/**
 * The gradient of a scalar function by central differences, in float64.
 *
 * @param of The function. It must not keep what it is given.
 * @param values Where.
 * @param step Half of the distance between two evaluations.
 * @returns One derivative for each value; the error is of the order of step^2.
 */
export function differenceGradient(
  of: (values: Float64Array) => number,
  values: ArrayLike<number>,
  step = 1e-4,
): Float64Array {
  const at = Float64Array.from(values);
  return at.map((value, index) => {
    at[index] = value + step;
    const above = of(at);
    at[index] = value - step;
    const below = of(at);
    at[index] = value;
    return (above - below) / (2 * step);
  });
}

/** The scalar whose gradient with respect to `outputs` is `outputGradient`: their scalar product. */
export function weighedSum(outputs: ArrayLike<number>, outputGradient: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < outputs.length; index++) sum += outputs[index] * outputGradient[index];
  return sum;
}
