/**
 * Operations on each position by itself to race on: what is between the matrix products of a transformer.
 *
 * @module
 */

import { activationRule } from "../../kernels/operations/activation/functions/mod.ts";
import { channelNormReference } from "../../kernels/operations/channel_norm/kernels.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";
import type { Goal } from "./heat.ts";
import { JAX, ONNXRUNTIME, TFJS } from "./single.ts";

/** Kinds of such operations. */
export const POSITION_KINDS = ["layerNorm", "gelu"] as const;

/** An operation and what is asked of it. */
export interface PositionOperation {
  readonly kind: (typeof POSITION_KINDS)[number];
  readonly name: string;
  /** Of input and output. */
  readonly shape: Shape;
  readonly goal: Goal;
}

/** An operation's numbers. */
export interface PositionValues {
  /** `[N, H, W, C]`. */
  readonly input: Float32Array<ArrayBuffer>;
  /** Of a layer norm, `[C]`. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** Of a layer norm, `[C]`. */
  readonly bias: Float32Array<ArrayBuffer>;
  /** The result on the CPU, `[N, H, W, C]`. */
  readonly expected: Float64Array;
}

/** What a layer norm adds to the variance. */
export const EPSILON = 1e-6;

const goal: Goal = { times: 3, peers: [TFJS, JAX, ONNXRUNTIME] };

/** What the project promises to be fast at: the tokens of a ViT-S, batch 8. */
export const POSITION_OPERATIONS: readonly PositionOperation[] = [
  { kind: "layerNorm", name: "layer norm, 8 x 196 x 384", shape: [8, 14, 14, 384], goal },
  { kind: "gelu", name: "GELU (erf), 8 x 196 x 1536", shape: [8, 14, 14, 1536], goal },
];

/** Positions of the tensor, and channels of each. */
export function rowsOf({ shape: [batch, height, width, channels] }: PositionOperation): [number, number] {
  return [batch * height * width, channels];
}

/** The operation as the engine's networks state it. */
export function engineOperation({ kind, shape }: PositionOperation): Operation {
  const names = { input: "input", output: "output" };
  return kind === "gelu" ? { type: "activation", function: "gelu", ...names } : {
    type: "channelNorm",
    ...names,
    method: "layer",
    channels: shape[3],
    groups: 1,
    epsilon: EPSILON,
    weight: "weight",
    bias: "bias",
  };
}

/**
 * Makes an operation's input and parameters, and computes its result on the CPU.
 *
 * @param operation The operation.
 * @returns Numbers in [-2, 2), the same every time.
 */
export function positionValues(operation: PositionOperation): PositionValues {
  const [rows, channels] = rowsOf(operation);
  const input = Float32Array.from(randomValues(rows * channels, 1, 2));
  const weight = Float32Array.from(randomValues(channels, 2));
  const bias = Float32Array.from(randomValues(channels, 3));
  const expected = operation.kind === "gelu"
    ? Float64Array.from(input, activationRule("gelu").reference)
    : channelNormReference(input, { method: "layer", epsilon: EPSILON, channels, weight, bias });
  return { input, weight, bias, expected };
}
