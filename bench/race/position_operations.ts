/**
 * Operations on each position by itself to race on: what is between the matrix products of a transformer.
 *
 * @module
 */

import { activationRule } from "../../kernels/operations/activation/functions/mod.ts";
import { channelNormReference } from "../../kernels/operations/channel_norm/kernels.ts";
import { convolutionReference } from "../../kernels/operations/convolution/reference.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";
import type { Goal } from "./heat.ts";
import { JAX, ONNXRUNTIME, shapeOf, TFJS, weightChannelsLast } from "./single.ts";

/** Kinds of such operations that are raced on. */
export const POSITION_KINDS = ["layerNorm", "gelu", "linearGelu"] as const;

/** An operation and what is asked of it. */
export interface PositionOperation {
  readonly kind: (typeof POSITION_KINDS)[number] | "linear";
  readonly name: string;
  /** Of the input. */
  readonly shape: Shape;
  /** Channels of the output. */
  readonly outputChannels: number;
  readonly goal: Goal;
}

/** An operation's numbers. */
export interface PositionValues {
  /** `[N, H, W, C]`. */
  readonly input: Float32Array<ArrayBuffer>;
  /** Of a layer norm, `[C]`; of a linear layer, `[outputChannels, C]`. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** `[outputChannels]`. */
  readonly bias: Float32Array<ArrayBuffer>;
  /** The result on the CPU, `[N, H, W, outputChannels]`. */
  readonly expected: Float64Array;
}

/** What a layer norm adds to the variance. */
export const EPSILON = 1e-6;

const goal: Goal = { times: 3, peers: [TFJS, JAX, ONNXRUNTIME] };

/**
 * What the project promises to be fast at: the tokens of a ViT-S, batch 8. GELU by itself takes what reading and storing a
 * tensor take, whoever does it; in a network it is part of the linear layer before it, as here that of the MLP.
 */
export const POSITION_OPERATIONS: readonly PositionOperation[] = [
  { kind: "layerNorm", name: "layer norm, 8 x 196 x 384", shape: [8, 14, 14, 384], outputChannels: 384, goal },
  {
    kind: "gelu",
    name: "GELU (erf), 8 x 196 x 1536",
    shape: [8, 14, 14, 1536],
    outputChannels: 1536,
    goal: { ...goal, times: 1 },
  },
  {
    kind: "linearGelu",
    name: "linear 384 -> 1536 and GELU (erf), 8 x 197",
    shape: [8, 1, 197, 384],
    outputChannels: 1536,
    goal,
  },
];

/** Whether the operation has a linear layer. */
export function isLinear({ kind }: PositionOperation): boolean {
  return kind === "linear" || kind === "linearGelu";
}

/** Positions of the tensor, and channels of each. */
export function rowsOf({ shape: [batch, height, width, channels] }: PositionOperation): [number, number] {
  return [batch * height * width, channels];
}

/** The operation as the engine's networks state it. */
export function engineOperations({ kind, shape: [, , , channels], outputChannels }: PositionOperation): Operation[] {
  const parameters = { weight: "weight", bias: "bias" };
  const gelu = (input: string): Operation => ({ type: "activation", function: "gelu", input, output: "output" });
  switch (kind) {
    case "layerNorm": {
      const norm = { method: "layer", channels, groups: 1, epsilon: EPSILON } as const;
      return [{ type: "channelNorm", input: "input", output: "output", ...norm, ...parameters }];
    }
    case "gelu":
      return [gelu("input")];
    case "linear":
    case "linearGelu": {
      const [linear, output] = [{ inputChannels: channels, outputChannels }, kind === "linear" ? "output" : "hidden"];
      const layer: Operation = { type: "linear", input: "input", output, ...linear, ...parameters };
      return kind === "linear" ? [layer] : [layer, gelu(output)];
    }
  }
}

/**
 * Makes an operation's input and parameters, and computes its result on the CPU.
 *
 * @param operation The operation.
 * @returns Numbers in [-2, 2), the same every time.
 */
export function positionValues(operation: PositionOperation): PositionValues {
  const { kind, shape, outputChannels } = operation;
  const [rows, channels] = rowsOf(operation);
  const input = Float32Array.from(randomValues(rows * channels, 1, 2));
  const weight = Float32Array.from(randomValues(isLinear(operation) ? outputChannels * channels : channels, 2));
  const bias = Float32Array.from(randomValues(outputChannels, 3));
  const gelu = activationRule("gelu").reference;
  switch (kind) {
    case "layerNorm": {
      const norm = { method: "layer", epsilon: EPSILON, channels, weight, bias } as const;
      return { input, weight, bias, expected: channelNormReference(input, norm) };
    }
    case "gelu":
      return { input, weight, bias, expected: Float64Array.from(input, gelu) };
    case "linear":
    case "linearGelu": {
      const sums = convolutionReference(shapeOf(shape, outputChannels, 1), { input, weight, bias });
      return { input, weight, bias, expected: kind === "linear" ? sums : sums.map(gelu) };
    }
  }
}

/** A linear layer's weight as `[C, outputChannels]`. */
export function linearWeight({ shape, outputChannels }: PositionOperation, weight: Float32Array) {
  return weightChannelsLast({ shape: shapeOf(shape, outputChannels, 1) }, weight);
}
