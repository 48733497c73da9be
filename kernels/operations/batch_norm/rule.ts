/**
 * Batch normalisation in a network. Where parameters are constants it uses running averages, and is y = scale x + shift,
 * whose gradient, scale dL/dy, is made by the same kernel. Where they are trained it uses the statistics of the batch, or
 * of all ranks' batches, and takes what follows into its passes: batchNorm -> add? -> activation?
 *
 * @module
 */

import { ALIGNMENT } from "../../engine/program.ts";
import { activationRule } from "../activation/functions/mod.ts";
import type { Activation } from "../activation/rule.ts";
import type { Add } from "../add/rule.ts";
import { scaleKernel } from "../scale/kernels.ts";
import { addBytes, addStep, addTensor, type Builder, gradientName } from "../shared/builder.ts";
import {
  type AnyOperation,
  type Contribution,
  contributionName,
  type FusionContext,
  type Rule,
} from "../shared/rule.ts";
import { channelVectors } from "../shared/tensor.ts";
import {
  batchNormGradientReference,
  batchNormGradientSumsKernel,
  batchNormInputGradientKernel,
  batchNormParameterGradientKernel,
} from "./gradient.ts";
import { type BatchNormParameters, batchNormReference, batchNormScale } from "./inference.ts";
import {
  batchNormMomentsKernel,
  batchNormRankMomentsBytes,
  batchNormRankMomentsKernel,
  batchNormStatisticsBytes,
  batchNormStatisticsKernel,
  batchNormTrainingKernel,
  batchNormTrainingReference,
} from "./training.ts";

/** Batch normalisation over N, H, W; the four parameters are `[C]`. */
export interface BatchNorm extends AnyOperation {
  readonly type: "batchNorm";
  /** Parameters are `${parameters}.weight`, `.bias`, `.running_mean`, `.running_var`. */
  readonly parameters: string;
  readonly channels: number;
  readonly epsilon: number;
  /** PyTorch's: weight of the batch in the running averages. */
  readonly momentum: number;
}

/** A batch norm with what it computes in the same passes. */
type FusedBatchNorm = BatchNorm & {
  /** Name of the tensor that is added. */
  readonly residual?: string;
  readonly activation?: Activation["function"];
};

/** A batch norm of a tensor with which moments of runs of its positions are stored. */
export interface NormOfMoments {
  /** Name of the tensor that holds the moments, f32 `[runs, 2, C]`. */
  readonly moments?: string;
}

function take(
  operation: FusedBatchNorm,
  reader: Add | Activation,
  { trained, isKnown, shapeOf, dropPath = 0 }: FusionContext,
): FusedBatchNorm | undefined {
  const { output, residual, activation } = operation;
  if (!trained || activation !== undefined) return undefined;
  if (reader.type === "activation") {
    if (!activationRule(reader.function).keepsZero) return undefined;
    return { ...operation, activation: reader.function, output: reader.output };
  }
  const other = reader.input === output ? reader.residual : reader.input;
  const dropped = dropPath * (reader.dropPath ?? 0) > 0;
  if (residual !== undefined || dropped || !isKnown(other) || shapeOf(other)[3] !== shapeOf(output)[3]) {
    return undefined;
  }
  return { ...operation, residual: other, output: reader.output };
}

/** Reads what a batch norm computes with. */
export function batchNormParameters<A extends ArrayLike<number>>(
  operation: Pick<BatchNorm, "parameters" | "epsilon">,
  read: (name: string) => A,
): BatchNormParameters {
  return {
    weight: read(`${operation.parameters}.weight`),
    bias: read(`${operation.parameters}.bias`),
    runningMean: read(`${operation.parameters}.running_mean`),
    runningVariance: read(`${operation.parameters}.running_var`),
    epsilon: operation.epsilon,
  };
}

/** Adds a channel vector of the batch norm's scale and shift. */
function addConstant(
  { program }: Builder,
  { output, channels }: BatchNorm,
  name: string,
  make: () => ArrayLike<number>,
): string {
  const constant = `${output} ${name}`;
  program.constants.set(constant, () => {
    const padded = new Float32Array(channelVectors(channels) * 4);
    padded.set(make());
    return padded;
  });
  return constant;
}

/** Adds y = scale x + shift, or without the shift. */
function addScaling(
  builder: Builder,
  operation: BatchNorm,
  read: (parameter: string) => Float32Array,
  { input, output, shifted }: { input: string; output: string; shifted: boolean },
): void {
  const values = () => batchNormScale(batchNormParameters(operation, read));
  const shape = builder.shapeOf(operation.input);
  addTensor(builder, output, shape);
  addStep(builder, scaleKernel({ shape, weight: true, bias: shifted, ...builder.target }), {
    input,
    scale: addConstant(builder, operation, "scale", () => values().scale),
    ...(shifted ? { shift: addConstant(builder, operation, "shift", () => values().shift) } : {}),
    output,
  });
}

/** State of the sums that batch norms of several ranks have in common; what lies between them stays zero. */
const NORM_SUMS = "batch norm sums";

/** Names of what the passes of training hand on. */
function trainingNames({ output, parameters }: BatchNorm) {
  return {
    statistics: `${output} statistics`,
    partials: `${output} partials`,
    weight: `${parameters}.weight`,
    bias: `${parameters}.bias`,
  };
}

function addTrainingForward(builder: Builder, operation: FusedBatchNorm & NormOfMoments): void {
  const { target, shapeOf, normRanks } = builder;
  const { input, output, parameters, epsilon, momentum, channels, residual, activation, moments } = operation;
  const { statistics, partials, weight, bias } = trainingNames(operation);
  const shape = shapeOf(input);
  const { profile } = target;
  addBytes(builder, statistics, batchNormStatisticsBytes(channels));
  addTensor(builder, output, shape);
  const ranks = normRanks?.size;
  const runs = moments !== undefined;
  if (!runs) addStep(builder, batchNormMomentsKernel({ shape, ranks, ...target }), { input, partials });
  addStep(builder, batchNormStatisticsKernel({ shape, epsilon, momentum, ranks, runs, profile }), {
    partials: normRanks ? addRankMoments(builder, operation, normRanks) : moments ?? partials,
    statistics,
    runningMean: `${parameters}.running_mean`,
    runningVariance: `${parameters}.running_var`,
  });
  addStep(builder, batchNormTrainingKernel({ shape, residual: residual !== undefined, activation, ...target }), {
    input,
    ...(residual === undefined ? {} : { residual }),
    statistics,
    weight,
    bias,
    output,
  });
}

/** Adds the moments of this rank among zeros for the others', which are then added up; returns their name. */
function addRankMoments(
  builder: Builder,
  operation: BatchNorm & NormOfMoments,
  { rank, size: ranks }: NonNullable<Builder["normRanks"]>,
): string {
  const { target: { profile }, shapeOf } = builder;
  const moments = `${operation.output} rank moments`;
  addBytes(builder, moments, batchNormRankMomentsBytes(operation.channels, ranks));
  const runs = operation.moments !== undefined;
  const kernel = batchNormRankMomentsKernel({ shape: shapeOf(operation.input), rank, ranks, runs, profile });
  const partials = operation.moments ?? trainingNames(operation).partials;
  addStep(builder, kernel, { partials, moments }, moments);
  return moments;
}

/** Adds the sums of the parameters' gradients over the ranks, which the input's depends on. */
function addRankSums(
  builder: Builder,
  { input, output, channels }: BatchNorm,
  partials: string,
): Record<"weightGradient" | "biasGradient", string> {
  const { program: { states, views }, target: { profile }, shapeOf } = builder;
  const bytes = channelVectors(channels) * 16;
  const [weightGradient, biasGradient, both] = ["weight sums", "bias sums", "sums"].map((name) => `${output} ${name}`);
  const start = states.get(NORM_SUMS) ?? 0;
  const second = start + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  const end = second + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  states.set(NORM_SUMS, end);
  views.set(weightGradient, { state: NORM_SUMS, offset: start, bytes });
  views.set(biasGradient, { state: NORM_SUMS, offset: second, bytes });
  views.set(both, { state: NORM_SUMS, offset: start, bytes: second + bytes - start });
  const bindings = { partials, weightGradient, biasGradient };
  addStep(builder, batchNormParameterGradientKernel({ shape: shapeOf(input), profile }), bindings, both);
  return { weightGradient, biasGradient };
}

function addTrainingBackward(
  builder: Builder,
  operation: FusedBatchNorm,
  outputGradient: string,
  wanted: (tensor: string) => boolean,
): Contribution[] {
  const { target, shapeOf, normRanks } = builder;
  const { input, output, residual, activation } = operation;
  const { statistics, weight, bias } = trainingNames(operation);
  const shape = shapeOf(input);
  const { profile } = target;
  const partials = `${output} gradient partials`;
  const [weightGradient, biasGradient] = [gradientName(weight), gradientName(bias)];
  const read = { input, statistics, weight, bias };
  // What goes on to the residual is what is left to differentiate.
  const stores = residual !== undefined && activation !== undefined;
  const gradient = stores ? addTensor(builder, `${output} residual gradient`, shape) : outputGradient;
  addStep(builder, batchNormGradientSumsKernel({ shape, residual: stores, activation, ...target }), {
    ...read,
    outputGradient,
    ...(stores ? { residual, residualGradient: gradient } : {}),
    partials,
  });
  addStep(builder, batchNormParameterGradientKernel({ shape, profile }), { partials, weightGradient, biasGradient });
  const contributions = residual === undefined ? [] : [{ tensor: residual, gradient }];
  if (!wanted(input)) return contributions;
  const inputGradient = addTensor(builder, contributionName(operation), shape);
  const sums = normRanks ? addRankSums(builder, operation, partials) : { weightGradient, biasGradient };
  const left = stores ? undefined : activation;
  const kernel = batchNormInputGradientKernel({ shape, activation: left, ranks: normRanks?.size, ...target });
  addStep(builder, kernel, { ...read, outputGradient: gradient, ...sums, inputGradient });
  return [{ tensor: input, gradient: inputGradient }, ...contributions];
}

/** Batch norm; training keeps the input, and mean and deviation of the batch, for its gradients. */
export const batchNorm: Rule<BatchNorm, FusedBatchNorm & NormOfMoments> = {
  type: "batchNorm",
  outputShape: ({ input }, shapeOf) => shapeOf(input),
  parameters: ({ parameters, channels }) =>
    ["weight", "bias", "running_mean", "running_var"].map((name) => [`${parameters}.${name}`, [channels]] as const),
  fusion: { readers: ["add", "activation"], take },
  forward(builder, operation) {
    const { parameters } = builder;
    if (parameters.trained) addTrainingForward(builder, operation);
    else addScaling(builder, operation, parameters.read, { ...operation, shifted: true });
  },
  backward(builder, operation, outputGradient, { wanted }) {
    const { parameters } = builder;
    const { input } = operation;
    if (parameters.trained) return addTrainingBackward(builder, operation, outputGradient, wanted);
    const gradient = contributionName(operation);
    addScaling(builder, operation, parameters.read, { input: outputGradient, output: gradient, shifted: false });
    return [{ tensor: input, gradient }];
  },
  reference(operation, { trained, tensor, parameter }) {
    const parameters = batchNormParameters(operation, parameter);
    const input = tensor(operation.input);
    return trained
      ? batchNormTrainingReference(input, { ...parameters, momentum: operation.momentum }).output
      : batchNormReference(input, parameters);
  },
  referenceGradient(operation, { trained, tensor, parameter }, outputGradient) {
    const { input, parameters: name, momentum, channels } = operation;
    const parameters = batchNormParameters(operation, parameter);
    if (!trained) {
      const { scale } = batchNormScale(parameters);
      return new Map([[input, Float64Array.from(outputGradient, (value, index) => value * scale[index % channels])]]);
    }
    const statistics = batchNormTrainingReference(tensor(input), { ...parameters, momentum });
    const gradients = batchNormGradientReference(tensor(input), outputGradient, { ...parameters, ...statistics });
    return new Map([
      [input, gradients.inputGradient],
      [`${name}.weight`, gradients.weightGradient],
      [`${name}.bias`, gradients.biasGradient],
    ]);
  },
};
