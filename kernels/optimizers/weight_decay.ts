/**
 * Which parameters decay: by timm's rule all, or all but the ones with one axis (norms' weights), the biases, and what the
 * network says does not (timm's `no_weight_decay`: tokens, embeddings, tables of biases).
 *
 * (timm, `optim/_param_groups.py`, `param_groups_weight_decay`.)
 *
 * @module
 */

import type { Parameter } from "../operations/shared/rule.ts";

/**
 * The weight decay of one parameter.
 *
 * @param parameter Its name in PyTorch (`layer1.0.bn1.weight`), its shape, and what its operation says of it.
 * @param options `weightDecay` of the network; `excludeNorms`: none on norms and biases.
 * @returns `weightDecay` or 0.
 */
export function parameterWeightDecay(
  [name, shape, facts]: Parameter,
  options: { weightDecay: number; excludeNorms: boolean },
): number {
  const stays = facts?.decays === false || shape.length <= 1 || name.endsWith(".bias");
  return options.excludeNorms && stays ? 0 : options.weightDecay;
}
