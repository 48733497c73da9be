/**
 * Which arithmetic the steps of a program do: each operation's products, and those of its gradient.
 *
 * @module
 */

import { type Operation, ruleOf } from "../operations/mod.ts";
import type { Builder } from "../operations/shared/builder.ts";
import type { Contribution } from "../operations/shared/rule.ts";

/**
 * Adds the steps of an operation and says of them what they compute.
 *
 * @param builder What is added to.
 * @param operation The operation; what it has taken in has no products.
 * @param add Adds its steps.
 * @param passes How often its products are added up in them; default once.
 * @returns What `add` gave.
 */
export function addWork<T>(
  { program: { steps }, shapeOf }: Builder,
  operation: Operation,
  add: () => T,
  passes: (added: T) => number = () => 1,
): T {
  const first = steps.length;
  const added = add();
  const multiplyAdds = (ruleOf(operation).multiplyAdds?.(operation, shapeOf) ?? 0) * passes(added);
  if (multiplyAdds === 0) return added;
  const work = { multiplyAdds };
  for (let index = first; index < steps.length; index++) steps[index] = { ...steps[index], work };
  return added;
}

/**
 * How often an operation's products are added up for its gradient: once for each factor of a product whose gradient is
 * wanted. The factors are weights and an input, or in attention both inputs.
 *
 * @param operation The operation.
 * @param contributions What it gives to gradients of tensors.
 * @returns 0, 1 or 2.
 */
export function gradientPasses(operation: Operation, contributions: readonly Contribution[]): number {
  const ofInput = contributions.length > 0 ? 1 : 0;
  const isWeighted = (ruleOf(operation).parameters?.(operation) ?? []).length > 0;
  return isWeighted ? 1 + ofInput : 2 * ofInput;
}
