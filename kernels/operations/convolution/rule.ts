/**
 * Convolution in a network. Inference takes into its store what follows it, where every tensor between has one reader, and
 * into its load the product with squeeze-and-excitation's gate:
 *
 *     multiply? -> convolution -> (batchNorm | scale)* -> add? -> activation?
 *
 * Batch norms and factors fold into the weights. An `add` joins two branches: it goes to the convolution that comes later in the list,
 * since by then the other branch is there. The residual's missing channels count as zero, so that where the two differ in
 * channels only `input` can be the convolution's side.
 *
 * A depthwise convolution whose output is pooled stores sums of its positions besides, and in training a convolution before a
 * batch norm moments of its positions, where the kernels can.
 *
 * The gradient of the input adds to what other readers of the input gave before, where its kernels can.
 *
 * @module
 */

import type { Activation } from "../activation/rule.ts";
import type { ActivationFunction } from "../activation/functions/mod.ts";
import type { Add } from "../add/rule.ts";
import { batchNormScale } from "../batch_norm/inference.ts";
import { type BatchNorm, batchNormParameters, type NormOfMoments } from "../batch_norm/rule.ts";
import type { GlobalAveragePool, PoolOfSums } from "../global_average_pool/rule.ts";
import { type Scale, scaleFactors } from "../scale/rule.ts";
import { addBytes, addSteps, addTensor, type Builder, gradientName } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type FusionContext, type Parameter, type Rule } from "../shared/rule.ts";
import { MOMENT_RUN } from "../shared/by_channel.ts";
import { channelVectors, type Shape, tensorBytes } from "../shared/tensor.ts";
import { convolutionBiasGradientKernels, convolutionFilterGradientKernels } from "./filter_gradient.ts";
import { foldFactors, joinFactors } from "./fold.ts";
import { inputGradientWeightPlaces, weightPlaces } from "./gather_weights.ts";
import { convolutionFilterGradientReference, convolutionInputGradientReference } from "./gradient_reference.ts";
import { addsToInputGradient, convolutionInputGradientKernels, packInputGradientWeights } from "./input_gradient.ts";
import { convolutionKernels, fusesResidual, packWeights, positionSumRuns, storesMoments } from "./mod.ts";
import { convolutionReference } from "./reference.ts";
import {
  type ConvolutionOptions,
  type ConvolutionShape,
  convolutionShape,
  outputPositions,
  outputShape,
} from "./shape.ts";
import { type Standardisation, standardisedWeights } from "./standardise.ts";

/** A convolution; `groups === inputChannels === outputChannels` is a depthwise one. */
export interface Convolution extends AnyOperation, ConvolutionOptions {
  readonly type: "convolution";
  /** Name of the weight parameter. */
  readonly weight: string;
  /** Name of the bias parameter, where there is one. */
  readonly bias?: string;
  readonly inputChannels: number;
  /** Whether each output channel's weights are standardised before they are used; not while they are trained. */
  readonly standardised?: Standardisation;
}

/** What a convolution has taken into its weights and its store. */
export interface ConvolutionFusion {
  /** What its weights are multiplied by, and what is added to its bias, in order. */
  readonly folded?: readonly (BatchNorm | Scale)[];
  /** Name of the tensor `[N, 1, 1, C]` that the input is multiplied by. */
  readonly gate?: string;
  /** Name of the tensor that is added. */
  readonly residual?: string;
  readonly activation?: ActivationFunction;
  /** Name of the tensor of moments of runs of positions, f32. */
  readonly moments?: string;
  /** Name of the tensor of sums over runs of an image's positions, f32. */
  readonly positionSums?: string;
}

/**
 * A convolution on an input.
 *
 * @throws {RangeError} If the window does not fit.
 * @throws {TypeError} If the input has other channels.
 */
export function convolutionOf(operation: Convolution, input: Shape): ConvolutionShape {
  if (input[3] !== operation.inputChannels) {
    throw new TypeError(
      `Cannot compute "${operation.output}": it takes ${operation.inputChannels} channels, "${operation.input}" has ${
        input[3]
      }`,
    );
  }
  return convolutionShape(input, operation);
}

function take(
  operation: Convolution & ConvolutionFusion,
  reader: BatchNorm | Scale | Add | Activation,
  context: FusionContext,
): (Convolution & ConvolutionFusion) | undefined {
  const { folded = [], residual, activation, output } = operation;
  if (context.trained || activation !== undefined) return undefined;
  switch (reader.type) {
    case "activation":
      return { ...operation, activation: reader.function, output: reader.output };
    case "batchNorm":
    case "scale":
      return residual === undefined ? { ...operation, folded: [...folded, reader], output: reader.output } : undefined;
    case "add": {
      const other = reader.input === output ? reader.residual : reader.input;
      const full = reader.input === output || context.shapeOf(other)[3] === context.shapeOf(output)[3];
      const shape = convolutionOf(operation, context.shapeOf(operation.input));
      if (residual !== undefined || !full || !context.isKnown(other) || !fusesResidual(shape, context.target)) {
        return undefined;
      }
      return { ...operation, residual: other, output: reader.output };
    }
  }
}

/** A convolution with the mean of its positions, of which it stores sums, or with the batch norm of its moments. */
function help(
  operation: Convolution & ConvolutionFusion,
  reader: GlobalAveragePool | BatchNorm,
  { trained, target, shapeOf }: FusionContext,
): [Convolution & ConvolutionFusion, AnyOperation & (PoolOfSums | NormOfMoments)] | undefined {
  const shape = convolutionOf(operation, shapeOf(operation.input));
  if (reader.type === "batchNorm") {
    if (!trained || !storesMoments(shape, target)) return undefined;
    const moments = `${operation.output} moments`;
    return [{ ...operation, moments }, { ...reader, moments }];
  }
  const runs = trained ? undefined : positionSumRuns(shape, target);
  if (runs === undefined) return undefined;
  const positionSums = `${operation.output} position sums`;
  return [{ ...operation, positionSums }, { ...reader, sums: { name: positionSums, runs } }];
}

/** The weights that are multiplied by, in PyTorch's order. */
function weightValues<Values extends ArrayLike<number>>(
  { weight, outputChannels, standardised }: Convolution,
  read: (parameter: string) => Values,
): Values | Float32Array<ArrayBuffer> {
  if (!standardised) return read(weight);
  const { gain } = standardised;
  return standardisedWeights(read(weight), outputChannels, standardised, gain === undefined ? undefined : read(gain));
}

/**
 * Name of the weights that the kernels of the convolution read, or those of its input's gradient. Two convolutions may read
 * one parameter, each in an order of its own.
 */
function weightsOf(
  { program, parameters, target }: Builder,
  operation: Convolution & ConvolutionFusion,
  shape: ConvolutionShape,
  direction: "forward" | "backward",
): string {
  const { weight, bias, folded = [], output } = operation;
  if (parameters.trained) {
    if (operation.standardised) {
      throw new TypeError(`Cannot train "${output}": its weights are standardised, which is only there for annotating`);
    }
    return direction === "forward"
      ? parameters.pack({
        name: `${output} weights`,
        weight,
        bias,
        places: () => weightPlaces(shape, target, bias !== undefined),
      })
      : parameters.pack({
        name: `${output} weights for the gradient`,
        weight,
        places: () => inputGradientWeightPlaces(shape, target),
      });
  }
  const { read } = parameters;
  if (direction === "backward") {
    const name = `${output} weights for the gradient`;
    program.constants.set(name, () => packInputGradientWeights(shape, weightValues(operation, read), target));
    return name;
  }
  const name = `${output} weights`;
  program.constants.set(name, () => {
    const own = { weight: weightValues(operation, read), bias: bias === undefined ? undefined : read(bias) };
    if (folded.length === 0) return packWeights(shape, own, target);
    const factors = folded.map((operation) =>
      operation.type === "scale" ? scaleFactors(operation, read) : batchNormScale(batchNormParameters(operation, read))
    );
    return packWeights(shape, foldFactors(own.weight, own.bias, joinFactors(factors), own.weight), target);
  });
  return name;
}

function addParameterGradients(
  builder: Builder,
  { input, output, weight, bias }: Convolution,
  shape: ConvolutionShape,
  outputGradient: string,
): void {
  const { target } = builder;
  const filter = { input, outputGradient, filterGradient: gradientName(weight) };
  addSteps(builder, convolutionFilterGradientKernels(shape, target), filter, `${output} filter`);
  if (bias === undefined) return;
  const biases = { outputGradient, biasGradient: gradientName(bias) };
  addSteps(builder, convolutionBiasGradientKernels(shape, target), biases, `${output} bias`);
}

function gainParameters(outputChannels: number, standardised?: Standardisation): Parameter[] {
  if (standardised?.gain === undefined) return [];
  const { gain, initialGain = 1 } = standardised;
  return [[gain, [outputChannels, 1, 1, 1], { initial: { constant: initialGain } }]];
}

/** Convolution; training keeps the input for its gradients. */
export const convolution: Rule<Convolution, Convolution & ConvolutionFusion> = {
  type: "convolution",
  outputShape: (operation, shapeOf) => outputShape(convolutionOf(operation, shapeOf(operation.input))),
  multiplyAdds: ({ output, inputChannels, groups, kernel }, shapeOf) =>
    [...shapeOf(output), ...kernel].reduce((product, size) => product * size, inputChannels / groups),
  parameters: ({ weight, bias, outputChannels, inputChannels, groups, kernel, standardised }) => [
    [weight, [outputChannels, inputChannels / groups, ...kernel]],
    ...(bias === undefined ? [] : [[bias, [outputChannels]] as const]),
    ...gainParameters(outputChannels, standardised),
  ],
  fusion: {
    readers: ["batchNorm", "scale", "add", "activation"],
    take,
    help: { readers: ["globalAveragePool", "batchNorm"], with: help },
  },
  forward(builder, operation) {
    const { target, shapeOf } = builder;
    const { input, output, gate, residual, activation, moments, positionSums } = operation;
    const shape = convolutionOf(operation, shapeOf(input));
    const epilogue = {
      gated: gate !== undefined,
      moments: moments !== undefined,
      positionSums: positionSums !== undefined,
      ...(activation ? { activation } : {}),
      ...(residual === undefined ? {} : { residualChannels: shapeOf(residual)[3] }),
    };
    addTensor(builder, output, shapeOf(output));
    if (moments !== undefined) {
      const runs = Math.ceil(outputPositions(shape) / MOMENT_RUN);
      addBytes(builder, moments, runs * 2 * channelVectors(shape.outputChannels) * 16);
    }
    if (positionSums !== undefined) {
      const runs = positionSumRuns(shape, target)!;
      addBytes(builder, positionSums, tensorBytes([shape.batch, runs, 1, shape.outputChannels], "f32"));
    }
    const weights = weightsOf(builder, operation, shape, "forward");
    const bindings = {
      input,
      output,
      weights,
      ...(gate === undefined ? {} : { gate }),
      ...(residual === undefined ? {} : { residual }),
      ...(moments === undefined ? {} : { moments }),
      ...(positionSums === undefined ? {} : { positionSums }),
    };
    addSteps(builder, convolutionKernels(shape, epilogue, target), bindings, output);
  },
  backward(builder, operation, outputGradient, { wanted, known }) {
    const { target, shapeOf, parameters } = builder;
    const { input } = operation;
    const shape = convolutionOf(operation, shapeOf(input));
    if (parameters.trained) addParameterGradients(builder, operation, shape, outputGradient);
    if (!wanted(input)) return [];
    const inputGradient = addTensor(builder, contributionName(operation), shapeOf(input));
    const weights = weightsOf(builder, operation, shape, "backward");
    const others = addsToInputGradient(shape, target) ? known(input) : undefined;
    const isSum = others !== undefined;
    const bindings = { outputGradient, weights, inputGradient, ...(isSum ? { residual: others } : {}) };
    addSteps(builder, convolutionInputGradientKernels(shape, target, { residual: isSum }), bindings, inputGradient);
    return [{ tensor: input, gradient: inputGradient, isSum }];
  },
  reference(operation, { tensor, shapeOf, parameter }) {
    const { input, bias } = operation;
    return convolutionReference(convolutionOf(operation, shapeOf(input)), {
      input: tensor(input),
      weight: weightValues(operation, parameter),
      ...(bias === undefined ? {} : { bias: parameter(bias) }),
    });
  },
  referenceGradient(operation, { tensor, shapeOf, parameter }, outputGradient) {
    const { input, weight, bias, standardised } = operation;
    const shape = convolutionOf(operation, shapeOf(input));
    if (standardised) {
      return new Map([[
        input,
        convolutionInputGradientReference(outputGradient, weightValues(operation, parameter), shape),
      ]]);
    }
    const gradients = convolutionFilterGradientReference(tensor(input), outputGradient, shape);
    return new Map([
      [input, convolutionInputGradientReference(outputGradient, parameter(weight), shape)],
      [weight, gradients.filter],
      ...(bias === undefined ? [] : [[bias, gradients.bias] as const]),
    ]);
  },
};
