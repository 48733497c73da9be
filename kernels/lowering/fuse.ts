/**
 * Fuses a network: each operation takes in the ones that follow, as far as its rule goes and no other operation reads what
 * is between; or goes with what it gives into the one that follows. Of readers that stay, it may do a part of the work.
 *
 * @module
 */

import { inputsOf, type Operation, ruleOf } from "../operations/mod.ts";
import type { FusionContext } from "../operations/shared/rule.ts";

/** An operation with what it has taken in. */
export interface FusedOperation {
  /** Its output is that of the last operation it has taken in. */
  readonly operation: Operation;
  /** Its place in the network's list. */
  readonly layer: number;
}

/**
 * Fuses a list of operations.
 *
 * @param operations In order of computation.
 * @param outputs Tensors that must stay: what the caller reads.
 * @param context Whether the program trains; its target; its rate of drop path; the shape of a tensor.
 * @returns What is left to compute, in order.
 */
export function fuse(
  operations: readonly Operation[],
  outputs: readonly string[],
  context: Omit<FusionContext, "isKnown">,
): FusedOperation[] {
  const readers = new Map<string, Operation[]>();
  for (const operation of operations) {
    for (const name of inputsOf(operation)) readers.set(name, [...(readers.get(name) ?? []), operation]);
  }
  const kept = new Set(outputs);
  const position = new Map(operations.map((operation, index) => [operation.output, index]));
  const gone = new Set<Operation>();
  /** The one operation that reads a tensor, unless the tensor must stay. */
  const onlyReader = (name: string): Operation | undefined => {
    const all = readers.get(name) ?? [];
    return all.length === 1 && !kept.has(name) && !gone.has(all[0]) ? all[0] : undefined;
  };
  const fused = [...operations];
  const takeReader = (operation: Operation, layer: number): Operation | undefined => {
    const { fusion } = ruleOf(operation);
    const reader = onlyReader(operation.output);
    if (!fusion || !reader || !fusion.readers.includes(reader.type)) return undefined;
    const isKnown = (tensor: string) => (position.get(tensor) ?? -1) < layer;
    const whole = fused[position.get(reader.output)!];
    const taken = fusion.take(operation, whole, { ...context, isKnown });
    if (taken) gone.add(reader);
    return taken as Operation | undefined;
  };
  // From the end, so that of an add's two branches the later one takes it.
  for (let layer = operations.length - 1; layer >= 0; layer--) {
    if (gone.has(operations[layer])) continue;
    for (let next = takeReader(fused[layer], layer); next; next = takeReader(next, layer)) fused[layer] = next;
  }
  for (let layer = 0; layer < operations.length; layer++) {
    const { help } = ruleOf(fused[layer]).fusion ?? {};
    if (!help || gone.has(operations[layer])) continue;
    const reader = (readers.get(fused[layer].output) ?? []).find((reader) =>
      help.readers.includes(reader.type) && !gone.has(reader)
    );
    if (!reader) continue;
    const place = position.get(reader.output)!;
    const isKnown = (tensor: string) => (position.get(tensor) ?? -1) < layer;
    const helped = help.with(fused[layer], fused[place], { ...context, isKnown });
    if (helped) [fused[layer], fused[place]] = helped as readonly [Operation, Operation];
  }
  return fused.flatMap((operation, layer) => gone.has(operations[layer]) ? [] : [{ operation, layer }]);
}
