/**
 * What each operation of a network does in training: its own kernels, and those of its gradient.
 *
 * | operation | kept for the gradient |
 * | --- | --- |
 * | convolution, linear | input |
 * | batch norm, and the relu, relu6 or silu that alone reads it | input, mean and deviation of the batch |
 * | another relu or relu6 | output, which what follows keeps anyway |
 * | another silu, sigmoid | input |
 * | add | nothing |
 * | multiply | both factors |
 * | max pool | input and output |
 * | average pools | nothing |
 *
 * @module
 */

import type {
  Activation,
  Add,
  BatchNorm,
  Convolution,
  Linear,
  Multiply,
  Operation,
  Pool,
} from "../operations/network.ts";
import { activationKernel } from "../operations/activation/kernels.ts";
import { activationGradientKernel } from "../operations/activation/gradient.ts";
import { addKernel, addResidualGradientKernel } from "../operations/add/kernels.ts";
import { batchNormKernel, batchNormScale } from "../operations/batch_norm/inference.ts";
import {
  batchNormGradientSumsKernel,
  batchNormInputGradientKernel,
  batchNormParameterGradientKernel,
} from "../operations/batch_norm/gradient.ts";
import {
  batchNormMomentsKernel,
  batchNormRankMomentsBytes,
  batchNormRankMomentsKernel,
  batchNormStatisticsBytes,
  batchNormStatisticsKernel,
  batchNormTrainingKernel,
  type NormActivation,
} from "../operations/batch_norm/training.ts";
import { channelPartialsBytes } from "../operations/shared/by_channel.ts";
import {
  biasGradientPartialBytes,
  convolutionBiasGradientKernels,
  convolutionFilterGradientKernels,
  filterGradientPartialBytes,
} from "../operations/convolution/filter_gradient.ts";
import { convolutionInputGradientKernels } from "../operations/convolution/input_gradient.ts";
import { convolutionKernels } from "../operations/convolution/mod.ts";
import { dropKernel } from "../operations/drop/kernels.ts";
import { globalAveragePoolGradientKernel, globalAveragePoolKernel } from "../operations/global_average_pool/kernels.ts";
import { multiplyGateGradientKernel, multiplyKernel } from "../operations/multiply/kernels.ts";
import { poolKernel } from "../operations/pool/kernels.ts";
import { poolGradientKernel } from "../operations/pool/gradient.ts";
import { channelVectors } from "../operations/shared/tensor.ts";
import { batchNormParameters, convolutionOf } from "./inference.ts";
import { ALIGNMENT } from "../engine/program.ts";
import { addBytes, addDispatches, addStep, addTensor, type Builder } from "./builder.ts";
import { gradientName } from "./parameters.ts";
import type { Ranks } from "./ranks.ts";

/** Part of the gradient of a tensor: what one of its readers gives. */
export interface Contribution {
  readonly tensor: string;
  /** Name of the tensor that holds it. */
  readonly gradient: string;
}

/** An operation in training. */
export interface Rule {
  /** Adds what computes the output. */
  forward(): void;
  /**
   * Adds what computes the gradients of the parameters, and of the inputs.
   *
   * @param outputGradient Name of dL/doutput.
   * @param wanted Whether the gradient of an input is of use.
   */
  backward(outputGradient: string, wanted: (input: string) => boolean): Contribution[];
}

/** Tensor of random numbers, u32 `[N]`, that drop path and dropout draw from. */
export const SEEDS = "sample seeds";

/**
 * The rule of an operation.
 *
 * @param builder What it adds itself to.
 * @param operation The operation.
 * @param options `dropPath`: the rate with which an image does without the branch that a sum adds to its shortcut, and the
 * number of the `layer` that this is; `activation`, which a batch norm takes into its passes.
 * @returns The rule.
 */
export function ruleOf(
  builder: Builder,
  operation: Operation,
  options: { dropPath: number; layer: number; activation?: Activation },
): Rule {
  switch (operation.type) {
    case "convolution":
    case "linear":
      return convolutionRule(builder, operation);
    case "batchNorm":
      return builder.frozen
        ? frozenBatchNormRule(builder, operation, builder.frozen)
        : batchNormRule(builder, operation, options.activation);
    case "activation":
      return activationRule(builder, operation);
    case "add":
      return addRule(builder, operation, options);
    case "multiply":
      return multiplyRule(builder, operation);
    case "pool":
      return poolRule(builder, operation);
    case "globalAveragePool":
      return globalAveragePoolRule(builder, operation);
  }
}

/** Name of the contribution of an operation to an input's gradient. */
function contributionName(operation: Operation): string {
  return `${operation.output} input gradient`;
}

function convolutionRule(builder: Builder, operation: Convolution | Linear): Rule {
  const { target, shapeOf, weights } = builder;
  const { input, output, weight, bias } = operation;
  const shape = convolutionOf(operation, shapeOf(input));
  const addParameterGradients = (outputGradient: string) => {
    const partial = addBytes(builder, `${output} filter partial`, filterGradientPartialBytes(shape, target));
    for (const kernel of convolutionFilterGradientKernels(shape, target)) {
      addStep(builder, kernel, { input, outputGradient, partial, filterGradient: gradientName(weight) });
    }
    if (bias === undefined) return;
    const biasPartial = addBytes(builder, `${output} bias partial`, biasGradientPartialBytes(shape, target));
    for (const kernel of convolutionBiasGradientKernels(shape, target)) {
      addStep(builder, kernel, { outputGradient, partial: biasPartial, biasGradient: gradientName(bias) });
    }
  };
  return {
    forward() {
      addTensor(builder, output, shapeOf(output));
      const bindings = { input, output, weights: weights.forward(operation, shape) };
      addDispatches(builder, convolutionKernels(shape, {}, target), bindings, { name: output, shape: shapeOf(output) });
    },
    backward(outputGradient, wanted) {
      if (!builder.frozen) addParameterGradients(outputGradient);
      if (!wanted(input)) return [];
      const gradient = addTensor(builder, contributionName(operation), shapeOf(input));
      addDispatches(
        builder,
        convolutionInputGradientKernels(shape, target),
        { outputGradient, weights: weights.backward(operation, shape), inputGradient: gradient },
        { name: gradient, shape: shapeOf(input) },
      );
      return [{ tensor: input, gradient }];
    },
  };
}

/** The activation that follows a batch norm, if it can be computed in the same passes. */
export function fusedActivation(activation: Activation | undefined): NormActivation | undefined {
  return activation && activation.function !== "sigmoid" ? activation.function : undefined;
}

/** State of the sums that batch norms of several ranks have in common; what lies between them stays zero. */
const NORM_SUMS = "batch norm sums";

function batchNormRule(builder: Builder, operation: BatchNorm, followed?: Activation): Rule {
  const { program: { states, views }, target, shapeOf, normRanks } = builder;
  const { input, parameters, epsilon, momentum, channels } = operation;
  const { output } = followed ?? operation;
  const activation = fusedActivation(followed);
  const shape = shapeOf(input);
  const { profile } = target;
  const [statistics, partials] = ["statistics", "partials"].map((name) => `${output} ${name}`);
  const [weight, bias] = ["weight", "bias"].map((name) => `${parameters}.${name}`);

  function addRankMoments({ rank, size: ranks }: Pick<Ranks, "rank" | "size">): string {
    const moments = addBytes(builder, `${output} rank moments`, batchNormRankMomentsBytes(channels, ranks));
    addStep(builder, batchNormRankMomentsKernel({ shape, rank, ranks, profile }), { partials, moments }, moments);
    return moments;
  }

  /** The sums of the parameters' gradients over the ranks, which the input's depends on. */
  function addRankSums(partials: string): Record<"weightGradient" | "biasGradient", string> {
    const bytes = channelVectors(channels) * 16;
    const [weightGradient, biasGradient, both] = ["weight sums", "bias sums", "sums"].map((name) =>
      `${output} ${name}`
    );
    const start = states.get(NORM_SUMS) ?? 0;
    const second = start + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const end = second + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    states.set(NORM_SUMS, end);
    views.set(weightGradient, { state: NORM_SUMS, offset: start, bytes });
    views.set(biasGradient, { state: NORM_SUMS, offset: second, bytes });
    views.set(both, { state: NORM_SUMS, offset: start, bytes: second + bytes - start });
    const bindings = { partials, weightGradient, biasGradient };
    addStep(builder, batchNormParameterGradientKernel({ shape, profile }), bindings, both);
    return { weightGradient, biasGradient };
  }

  return {
    forward() {
      addBytes(builder, partials, channelPartialsBytes(shape, profile));
      addBytes(builder, statistics, batchNormStatisticsBytes(channels));
      addTensor(builder, output, shape);
      const ranks = normRanks?.size;
      addStep(builder, batchNormMomentsKernel({ shape, ranks, ...target }), { input, partials });
      addStep(builder, batchNormStatisticsKernel({ shape, epsilon, momentum, ranks, profile }), {
        partials: normRanks ? addRankMoments(normRanks) : partials,
        statistics,
        runningMean: `${parameters}.running_mean`,
        runningVariance: `${parameters}.running_var`,
      });
      addStep(builder, batchNormTrainingKernel({ shape, activation, ...target }), {
        input,
        statistics,
        weight,
        bias,
        output,
      });
    },
    backward(outputGradient, wanted) {
      const sums = addBytes(builder, `${output} gradient partials`, channelPartialsBytes(shape, profile));
      const [weightGradient, biasGradient] = [gradientName(weight), gradientName(bias)];
      addStep(builder, batchNormGradientSumsKernel({ shape, activation, ...target }), {
        input,
        outputGradient,
        statistics,
        weight,
        bias,
        partials: sums,
      });
      addStep(builder, batchNormParameterGradientKernel({ shape, profile }), {
        partials: sums,
        weightGradient,
        biasGradient,
      });
      if (!wanted(input)) return [];
      const inputGradient = addTensor(builder, contributionName(operation), shape);
      addStep(builder, batchNormInputGradientKernel({ shape, activation, ranks: normRanks?.size, ...target }), {
        input,
        outputGradient,
        statistics,
        weight,
        bias,
        ...(normRanks ? addRankSums(sums) : { weightGradient, biasGradient }),
        inputGradient,
      });
      return [{ tensor: input, gradient: inputGradient }];
    },
  };
}

/** With running averages batch norm is y = scale x + shift: its gradient is scale dL/dy, by the same kernel. */
function frozenBatchNormRule(builder: Builder, operation: BatchNorm, read: (parameter: string) => Float32Array): Rule {
  const { target, shapeOf, program } = builder;
  const { input, output, channels } = operation;
  const shape = shapeOf(input);
  const [scale, shift, noShift] = ["scale", "shift", "no shift"].map((name) => `${output} ${name}`);
  const padded = (make: () => ArrayLike<number>) => () => {
    const result = new Float32Array(channelVectors(channels) * 4);
    result.set(make());
    return result;
  };
  const values = () => batchNormScale(batchNormParameters(operation, read));
  program.constants.set(scale, padded(() => values().scale));
  const kernel = batchNormKernel({ shape, ...target });
  return {
    forward() {
      program.constants.set(shift, padded(() => values().shift));
      addTensor(builder, output, shape);
      addStep(builder, kernel, { input, scale, shift, output });
    },
    backward(outputGradient) {
      program.constants.set(noShift, padded(() => []));
      const gradient = addTensor(builder, contributionName(operation), shape);
      addStep(builder, kernel, { input: outputGradient, scale, shift: noShift, output: gradient });
      return [{ tensor: input, gradient }];
    },
  };
}

function activationRule(builder: Builder, operation: Activation): Rule {
  const { target, shapeOf } = builder;
  const { input, output, function: activation } = operation;
  const shape = shapeOf(input);
  // Output and input of a rectifier lie between the same corners.
  const kept = activation === "relu" || activation === "relu6" ? output : input;
  return {
    forward() {
      addTensor(builder, output, shape);
      addStep(builder, activationKernel({ activation, shape, ...target }), { input, output });
    },
    backward(outputGradient) {
      const inputGradient = addTensor(builder, contributionName(operation), shape);
      addStep(builder, activationGradientKernel({ activation, shape, ...target }), {
        input: kept,
        outputGradient,
        inputGradient,
      });
      return [{ tensor: input, gradient: inputGradient }];
    },
  };
}

function addRule(builder: Builder, operation: Add, options: { dropPath: number; layer: number }): Rule {
  const { target, shapeOf } = builder;
  const { input, residual, output } = operation;
  const shape = shapeOf(input);
  const residualShape = shapeOf(residual);
  const rate = options.dropPath * (operation.dropPath ?? 0);
  /** Drops the branch of some images: the same ones in both directions. */
  const drop = (tensor: string, name: string): string => {
    if (rate === 0) return tensor;
    const dropped = addTensor(builder, name, shape);
    const kernel = dropKernel({ shape, rate, layer: options.layer, by: "image", ...target });
    addStep(builder, kernel, { input: tensor, seeds: SEEDS, output: dropped });
    return dropped;
  };
  return {
    forward() {
      addTensor(builder, output, shape);
      addStep(builder, addKernel({ input: shape, residual: residualShape, ...target }), {
        input: drop(input, `${output} branch`),
        residual,
        output,
      });
    },
    backward(outputGradient) {
      const contributions = [{ tensor: input, gradient: drop(outputGradient, contributionName(operation)) }];
      if (residualShape[3] === shape[3]) return [...contributions, { tensor: residual, gradient: outputGradient }];
      const residualGradient = addTensor(builder, `${output} residual gradient`, residualShape);
      addStep(builder, addResidualGradientKernel({ input: shape, residual: residualShape, ...target }), {
        outputGradient,
        residualGradient,
      });
      return [...contributions, { tensor: residual, gradient: residualGradient }];
    },
  };
}

function multiplyRule(builder: Builder, operation: Multiply): Rule {
  const { target, shapeOf } = builder;
  const { input, gate, output } = operation;
  const shape = shapeOf(input);
  return {
    forward() {
      addTensor(builder, output, shape);
      addStep(builder, multiplyKernel({ shape, ...target }), { input, gate, output });
    },
    backward(outputGradient) {
      const inputGradient = addTensor(builder, contributionName(operation), shape);
      const gateGradient = addTensor(builder, `${output} gate gradient`, shapeOf(gate));
      addStep(builder, multiplyGateGradientKernel({ shape, ...target }), { input, outputGradient, gateGradient });
      addStep(builder, multiplyKernel({ shape, ...target }), { input: outputGradient, gate, output: inputGradient });
      return [{ tensor: input, gradient: inputGradient }, { tensor: gate, gradient: gateGradient }];
    },
  };
}

function poolRule(builder: Builder, operation: Pool): Rule {
  const { target, shapeOf } = builder;
  const { input, output } = operation;
  const shape = shapeOf(input);
  return {
    forward() {
      addTensor(builder, output, shapeOf(output));
      addStep(builder, poolKernel({ shape, pool: operation, ...target }), { input, output });
    },
    backward(outputGradient) {
      const inputGradient = addTensor(builder, contributionName(operation), shape);
      addStep(builder, poolGradientKernel({ shape, pool: operation, ...target }), {
        input,
        output,
        outputGradient,
        inputGradient,
      });
      return [{ tensor: input, gradient: inputGradient }];
    },
  };
}

function globalAveragePoolRule(
  builder: Builder,
  operation: Extract<Operation, { type: "globalAveragePool" }>,
): Rule {
  const { target, shapeOf } = builder;
  const { input, output } = operation;
  const shape = shapeOf(input);
  return {
    forward() {
      addTensor(builder, output, shapeOf(output));
      addStep(builder, globalAveragePoolKernel({ shape, ...target }), { input, output });
    },
    backward(outputGradient) {
      const inputGradient = addTensor(builder, contributionName(operation), shape);
      addStep(builder, globalAveragePoolGradientKernel({ shape, ...target }), { outputGradient, inputGradient });
      return [{ tensor: input, gradient: inputGradient }];
    },
  };
}
