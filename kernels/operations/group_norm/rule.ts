/**
 * Group normalisation in a network.
 *
 * @module
 */

import { addBytes, addParameter, addStep, addTensor, type Builder, gradientName } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type ReferenceValues, type Rule } from "../shared/rule.ts";
import { tensorBytes } from "../shared/tensor.ts";
import {
  groupNormGradientReference,
  groupNormInputGradientKernel,
  groupNormParameterGradientKernel,
  groupNormShiftsKernel,
  groupNormSumsKernel,
} from "./gradient.ts";
import {
  groupNormKernel,
  groupNormMomentsKernel,
  groupNormReference,
  groupNormStatisticsKernel,
  spreadGroupsKernel,
} from "./kernels.ts";

/** A norm over H, W and the channels of each of several groups (PyTorch's GroupNorm). */
export interface GroupNorm extends AnyOperation {
  readonly type: "groupNorm";
  readonly channels: number;
  /** Groups of neighbouring channels, equally many in each; 1 for all. */
  readonly groups: number;
  readonly epsilon: number;
  /** Names of the parameters, `[channels]`; some networks have no bias. */
  readonly weight: string;
  readonly bias?: string;
}

/** Adds numbers of each channel of each image, and returns their name. */
function addChannelNumbers(builder: Builder, { input, output }: GroupNorm, name: string): string {
  const [batch, , , channels] = builder.shapeOf(input);
  return addBytes(builder, `${output} ${name}`, tensorBytes([batch, 1, 1, channels], "f32"));
}

/** Adds the spreading of two numbers of each group, `pairs`, over its channels. */
function addSpread(builder: Builder, { input, groups }: GroupNorm, bindings: Record<string, string>): void {
  const { shapeOf, target: { profile } } = builder;
  addStep(builder, spreadGroupsKernel({ shape: shapeOf(input), groups, profile }), bindings);
}

/** Names of what is kept for the gradient. */
function keptNames({ output }: GroupNorm): Record<"centers" | "factors", string> {
  return { centers: `${output} centers`, factors: `${output} factors` };
}

function referenceOf(operation: GroupNorm, { shapeOf, parameter }: ReferenceValues) {
  const { input, groups, epsilon, weight, bias } = operation;
  const shift = bias === undefined ? {} : { bias: parameter(bias) };
  return { shape: shapeOf(input), groups, epsilon, weight: parameter(weight), ...shift };
}

/** The norm; training keeps its input, and mean and factor of each channel of each image, for its gradient. */
export const groupNorm: Rule<GroupNorm> = {
  type: "groupNorm",
  outputShape({ input, output, channels, groups }, shapeOf) {
    const shape = shapeOf(input);
    if (shape[3] !== channels) {
      throw new TypeError(`Cannot compute "${output}": it takes ${channels} channels, "${input}" has ${shape[3]}`);
    }
    if (channels % groups !== 0) {
      throw new TypeError(`Cannot compute "${output}": ${channels} channels make no ${groups} groups`);
    }
    return shape;
  },
  parameters: ({ weight, bias, channels }) => [
    [weight, [channels], { initial: "ones" }],
    ...(bias === undefined ? [] : [[bias, [channels], { initial: "zeros" }] as const]),
  ],
  forward(builder, operation) {
    const { target, shapeOf } = builder;
    const { input, output, groups, epsilon, weight, bias } = operation;
    const { profile } = target;
    const shape = shapeOf(input);
    addTensor(builder, output, shape);
    const [means, squares] = ["means", "squares"].map((name) => addChannelNumbers(builder, operation, name));
    const [centers, factors] = ["centers", "factors"].map((name) => addChannelNumbers(builder, operation, name));
    const pairs = addBytes(builder, `${output} statistics`, shape[0] * groups * 8);
    addStep(builder, groupNormMomentsKernel({ shape, of: "means", ...target }), { input, means });
    addStep(builder, groupNormMomentsKernel({ shape, of: "squares", ...target }), { input, means, squares });
    addStep(builder, groupNormStatisticsKernel({ shape, groups, epsilon, profile }), { means, squares, pairs });
    addSpread(builder, operation, { pairs, firsts: centers, seconds: factors });
    addStep(builder, groupNormKernel({ shape, bias: bias !== undefined, ...target }), {
      input,
      centers,
      factors,
      weight: addParameter(builder, weight),
      ...(bias === undefined ? {} : { bias: addParameter(builder, bias) }),
      output,
    });
  },
  backward(builder, operation, outputGradient) {
    const { target, shapeOf, parameters: { trained } } = builder;
    const { input, output, groups, epsilon, weight, bias } = operation;
    const { profile } = target;
    const shape = shapeOf(input);
    const kept = keptNames(operation);
    const [totals, products] = ["totals", "products"].map((name) => addChannelNumbers(builder, operation, name));
    const [shifts, alongs] = ["shifts", "alongs"].map((name) => addChannelNumbers(builder, operation, name));
    const pairs = addBytes(builder, `${output} gradient sums`, shape[0] * groups * 8);
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    addStep(builder, groupNormSumsKernel({ shape, of: "gradients", ...target }), { outputGradient, sums: totals });
    addStep(builder, groupNormSumsKernel({ shape, of: "products", ...target }), {
      input,
      outputGradient,
      ...kept,
      sums: products,
    });
    addStep(builder, groupNormShiftsKernel({ shape, groups, epsilon, profile }), { totals, products, weight, pairs });
    addSpread(builder, operation, { pairs, firsts: shifts, seconds: alongs });
    addStep(builder, groupNormInputGradientKernel({ shape, ...target }), {
      input,
      outputGradient,
      ...kept,
      shifts,
      alongs,
      weight,
      inputGradient,
    });
    if (trained) {
      addStep(builder, groupNormParameterGradientKernel({ shape, bias: bias !== undefined, profile }), {
        products,
        weightGradient: gradientName(weight),
        ...(bias === undefined ? {} : { totals, biasGradient: gradientName(bias) }),
      });
    }
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: (operation, values) => groupNormReference(values.tensor(operation.input), referenceOf(operation, values)),
  referenceGradient(operation, values, outputGradient) {
    const { input, weight, bias } = operation;
    const gradients = groupNormGradientReference(values.tensor(input), outputGradient, referenceOf(operation, values));
    return new Map([
      [input, gradients.inputGradient],
      [weight, gradients.weightGradient],
      ...(bias === undefined ? [] : [[bias, gradients.biasGradient] as const]),
    ]);
  },
};
