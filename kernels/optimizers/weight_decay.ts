/**
 * Which parameters decay: by timm's rule all, or all but the ones with one axis (norms' weights) and the biases.
 *
 * (timm, `optim/_param_groups.py`, `param_groups_weight_decay`.)
 *
 * @module
 */

/**
 * The weight decay of one parameter.
 *
 * @param name The parameter's name in PyTorch: `layer1.0.bn1.weight`.
 * @param shape Shape of the parameter.
 * @param options `weightDecay` of the network; `excludeNorms`: none on norms and biases.
 * @returns `weightDecay` or 0.
 */
export function parameterWeightDecay(
  name: string,
  shape: readonly number[],
  options: { weightDecay: number; excludeNorms: boolean },
): number {
  return options.excludeNorms && (shape.length <= 1 || name.endsWith(".bias")) ? 0 : options.weightDecay;
}
