/**
 * Normalisation over channels in a network: layer norm, root mean square norm, and vectors of length 1.
 *
 * @module
 */

import { addBytes, addParameter, addStep, addSteps, addTensor, type Builder, gradientName } from "../shared/builder.ts";
import {
  type AnyOperation,
  type Contribution,
  contributionName,
  type ReferenceValues,
  type Rule,
} from "../shared/rule.ts";
import {
  channelNormGradientReference,
  channelNormGradientSumsKernel,
  channelNormInputGradientKernel,
  channelNormParameterGradientKernel,
  channelNormSumsBytes,
} from "./gradient.ts";
import {
  channelNormKernels,
  type ChannelNormMethod,
  channelNormReference,
  channelNormStatisticsBytes,
  headShape,
} from "./kernels.ts";

/** A norm over the channels of each position, or each of `groups` runs of them by itself (heads). */
export interface ChannelNorm extends AnyOperation {
  readonly type: "channelNorm";
  readonly method: ChannelNormMethod;
  readonly channels: number;
  /** Runs of channels, each normalised by itself; of several, each has a multiple of 4. */
  readonly groups: number;
  readonly epsilon: number;
  /** Names of the parameters, `[channels / groups]`, where there are such. */
  readonly weight?: string;
  readonly bias?: string;
  /** What the weight begins training with; 1 if left out. */
  readonly initial?: number;
}

/** What the kernels take of an operation. */
function normOf({ input, method, epsilon, groups, weight, bias }: ChannelNorm, { shapeOf, target }: Builder) {
  return {
    shape: headShape(shapeOf(input), groups),
    method,
    epsilon,
    weight: weight !== undefined,
    bias: bias !== undefined,
    ...target,
  };
}

function statisticsName({ output }: ChannelNorm): string {
  return `${output} statistics`;
}

/** What the references take of an operation. */
function referenceOf({ method, epsilon, channels, groups, weight, bias }: ChannelNorm, { parameter }: ReferenceValues) {
  return {
    method,
    epsilon,
    channels: channels / groups,
    ...(weight === undefined ? {} : { weight: parameter(weight) }),
    ...(bias === undefined ? {} : { bias: parameter(bias) }),
  };
}

/** The norm; training keeps its input, and mean and factor of each position, for its gradient. */
export const channelNorm: Rule<ChannelNorm> = {
  type: "channelNorm",
  outputShape({ input, output, channels, groups }, shapeOf) {
    const shape = shapeOf(input);
    if (shape[3] !== channels) {
      throw new TypeError(`Cannot compute "${output}": it takes ${channels} channels, "${input}" has ${shape[3]}`);
    }
    headShape(shape, groups);
    return shape;
  },
  parameters: ({ weight, bias, channels, groups, initial = 1 }) => [
    ...(weight === undefined ? [] : [[weight, [channels / groups], { initial: { constant: initial } }] as const]),
    ...(bias === undefined ? [] : [[bias, [channels / groups], { initial: "zeros" }] as const]),
  ],
  forward(builder, operation) {
    const { input, output, weight, bias } = operation;
    const norm = normOf(operation, builder);
    addTensor(builder, output, builder.shapeOf(output));
    addSteps(builder, channelNormKernels(norm), {
      input,
      output,
      statistics: addBytes(builder, statisticsName(operation), channelNormStatisticsBytes(norm.shape)),
      ...(weight === undefined ? {} : { weight: addParameter(builder, weight) }),
      ...(bias === undefined ? {} : { bias: addParameter(builder, bias) }),
    }, output);
  },
  backward(builder, operation, outputGradient): Contribution[] {
    const { input, output, weight, bias } = operation;
    const { parameters: { trained }, target: { profile } } = builder;
    const norm = normOf(operation, builder);
    const summed = trained && (norm.weight || norm.bias);
    const read = { input, outputGradient, ...(weight === undefined ? {} : { weight }) };
    const statistics = statisticsName(operation);
    const sums = addBytes(builder, `${output} gradient sums`, channelNormSumsBytes(norm.shape));
    const partials = `${output} gradient partials`;
    const inputGradient = addTensor(builder, contributionName(operation), builder.shapeOf(input));
    addStep(builder, channelNormGradientSumsKernel(norm), { ...read, statistics, sums });
    const kernel = channelNormInputGradientKernel({ ...norm, trained: summed });
    addStep(builder, kernel, { ...read, sums, inputGradient, partials });
    if (summed) {
      const kernel = channelNormParameterGradientKernel({ ...norm, profile });
      addStep(builder, kernel, {
        partials,
        ...(weight === undefined ? {} : { weightGradient: gradientName(weight) }),
        ...(bias === undefined ? {} : { biasGradient: gradientName(bias) }),
      });
    }
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: (operation, values) =>
    channelNormReference(values.tensor(operation.input), referenceOf(operation, values)),
  referenceGradient(operation, values, outputGradient) {
    const { input, weight, bias } = operation;
    const norm = referenceOf(operation, values);
    const gradients = channelNormGradientReference(values.tensor(input), outputGradient, norm);
    return new Map([
      [input, gradients.inputGradient],
      ...(weight === undefined ? [] : [[weight, gradients.weightGradient] as const]),
      ...(bias === undefined ? [] : [[bias, gradients.biasGradient] as const]),
    ]);
  },
};
