/**
 * Fuses a network for inference: batch norm folds into the convolution before it, and the residual sum and the
 * activation that follow go into its store.
 *
 * The patterns, where every tensor between has one reader:
 *
 *     convolution | linear -> batchNorm? -> add? -> activation?
 *
 * An `add` joins two branches. It goes to the convolution that comes later in the list, since by then the other branch
 * is there; the residual's missing channels count as zero, so only `input` can be the convolution's side where the two
 * differ in channels.
 *
 * @module
 */

import type {
  Activation,
  ActivationFunction,
  BatchNorm,
  Convolution,
  Linear,
  Operation,
} from "../operations/network.ts";

/** A convolution or linear with what was fused into it. */
export interface Fused {
  readonly type: "fused";
  readonly operation: Convolution | Linear;
  readonly batchNorm?: BatchNorm;
  /** Name of the tensor that is added. */
  readonly residual?: string;
  readonly activation?: ActivationFunction;
  /** Name of what the last fused operation gives. */
  readonly output: string;
}

/** What is left of a network after fusing. */
export type InferenceOperation = Fused | Exclude<Operation, Convolution | Linear>;

/** Names of the tensors that an operation reads. */
export function inputsOf(operation: InferenceOperation | Operation): string[] {
  switch (operation.type) {
    case "fused":
      return [operation.operation.input, ...(operation.residual === undefined ? [] : [operation.residual])];
    case "add":
      return [operation.input, operation.residual];
    case "multiply":
      return [operation.input, operation.gate];
    default:
      return [operation.input];
  }
}

/**
 * Fuses a list of operations.
 *
 * @param operations In order of computation.
 * @param outputs Tensors that must stay: what the caller reads.
 * @param options `fusesResidual` says whether a convolution's kernel can add a residual; `channels` of a tensor.
 * @returns The list that inference computes, in order.
 */
export function fuse(
  operations: readonly Operation[],
  outputs: readonly string[],
  options: { fusesResidual(operation: Convolution | Linear): boolean; channels(tensor: string): number },
): InferenceOperation[] {
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
  const result = new Map<Operation, InferenceOperation>();
  // From the end, so that of an add's two branches the later one takes it.
  for (const operation of operations.toReversed()) {
    if (gone.has(operation)) continue;
    if (operation.type !== "convolution" && operation.type !== "linear") {
      result.set(operation, operation);
      continue;
    }
    let output = operation.output;
    let batchNorm: BatchNorm | undefined;
    let residual: string | undefined;
    let activation: Activation | undefined;
    let next = onlyReader(output);
    if (next?.type === "batchNorm") {
      batchNorm = next;
      gone.add(next);
      output = next.output;
      next = onlyReader(output);
    }
    if (next?.type === "add" && next.input !== next.residual && options.fusesResidual(operation)) {
      const other = next.input === output ? next.residual : next.input;
      const full = next.input === output || options.channels(other) === options.channels(output);
      if (full && (position.get(other) ?? -1) < position.get(operation.output)!) {
        residual = other;
        gone.add(next);
        output = next.output;
        next = onlyReader(output);
      }
    }
    if (next?.type === "activation") {
      activation = next;
      gone.add(next);
      output = next.output;
    }
    result.set(operation, {
      type: "fused",
      operation,
      ...(batchNorm ? { batchNorm } : {}),
      ...(residual === undefined ? {} : { residual }),
      ...(activation ? { activation: activation.function } : {}),
      output,
    });
  }
  return operations.flatMap((operation) => gone.has(operation) ? [] : result.get(operation)!);
}
