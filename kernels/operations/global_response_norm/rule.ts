/**
 * Global response normalisation in a network.
 *
 * @module
 */

import { addBytes, addParameter, addStep, addTensor, gradientName } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type ReferenceValues, type Rule } from "../shared/rule.ts";
import { type Shape, tensorBytes } from "../shared/tensor.ts";
import {
  globalResponseNormGradientReference,
  globalResponseNormInputGradientKernel,
  globalResponseNormParameterGradientKernel,
  globalResponseNormSumsKernel,
  responseSlopesKernel,
} from "./gradient.ts";
import {
  globalResponseNormKernel,
  globalResponseNormReference,
  responseInversesKernel,
  responseLengthsKernel,
} from "./kernels.ts";

/** Global response normalisation (ConvNeXt V2). */
export interface GlobalResponseNorm extends AnyOperation {
  readonly type: "globalResponseNorm";
  readonly channels: number;
  readonly epsilon: number;
  /** Names of the parameters, `[channels]`. */
  readonly weight: string;
  readonly bias: string;
}

/** Bytes of a number for each channel of each image. */
function channelBytes([batch, , , channels]: Shape): number {
  return tensorBytes([batch, 1, 1, channels], "f32");
}

/** Names of what is kept for the gradient. */
function keptNames({ output }: GlobalResponseNorm): Record<"lengths" | "inverses", string> {
  return { lengths: `${output} lengths`, inverses: `${output} inverses` };
}

function referenceOf({ input, epsilon, weight, bias }: GlobalResponseNorm, { shapeOf, parameter }: ReferenceValues) {
  return { shape: shapeOf(input), epsilon, weight: parameter(weight), bias: parameter(bias) };
}

/** The norm; training keeps its input, the channels' lengths and the inverse of their mean for its gradient. */
export const globalResponseNorm: Rule<GlobalResponseNorm> = {
  type: "globalResponseNorm",
  outputShape({ input, output, channels }, shapeOf) {
    const shape = shapeOf(input);
    if (shape[3] !== channels) {
      throw new TypeError(`Cannot compute "${output}": it takes ${channels} channels, "${input}" has ${shape[3]}`);
    }
    return shape;
  },
  parameters: ({ weight, bias, channels }) => [
    [weight, [channels], { initial: "zeros" }],
    [bias, [channels], { initial: "zeros" }],
  ],
  forward(builder, operation) {
    const { target, shapeOf } = builder;
    const { input, output, epsilon, weight, bias } = operation;
    const shape = shapeOf(input);
    const { lengths, inverses } = keptNames(operation);
    addTensor(builder, output, shape);
    addBytes(builder, lengths, channelBytes(shape));
    addBytes(builder, inverses, shape[0] * 4);
    addStep(builder, responseLengthsKernel({ shape, ...target }), { input, lengths });
    addStep(builder, responseInversesKernel({ shape, epsilon, profile: target.profile }), { lengths, inverses });
    addStep(builder, globalResponseNormKernel({ shape, ...target }), {
      input,
      lengths,
      inverses,
      weight: addParameter(builder, weight),
      bias: addParameter(builder, bias),
      output,
    });
  },
  backward(builder, operation, outputGradient) {
    const { target, shapeOf, parameters: { trained } } = builder;
    const { input, output, weight, bias } = operation;
    const { profile } = target;
    const shape = shapeOf(input);
    const kept = keptNames(operation);
    const addSums = (of: "gradients" | "products"): string => {
      const sums = addBytes(builder, `${output} sums of ${of}`, channelBytes(shape));
      const kernel = globalResponseNormSumsKernel({ shape, of, ...target });
      addStep(builder, kernel, { outputGradient, ...(of === "products" ? { input } : {}), sums });
      return sums;
    };
    const products = addSums("products");
    const slopes = addBytes(builder, `${output} slopes`, channelBytes(shape));
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    addStep(builder, responseSlopesKernel({ shape, profile }), { products, ...kept, weight, slopes });
    const kernel = globalResponseNormInputGradientKernel({ shape, ...target });
    addStep(builder, kernel, { input, outputGradient, ...kept, slopes, weight, inputGradient });
    if (trained) {
      addStep(builder, globalResponseNormParameterGradientKernel({ shape, profile }), {
        products,
        totals: addSums("gradients"),
        ...kept,
        weightGradient: gradientName(weight),
        biasGradient: gradientName(bias),
      });
    }
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: (operation, values) =>
    globalResponseNormReference(values.tensor(operation.input), referenceOf(operation, values)),
  referenceGradient(operation, values, outputGradient) {
    const { input, weight, bias } = operation;
    const norm = referenceOf(operation, values);
    const gradients = globalResponseNormGradientReference(values.tensor(input), outputGradient, norm);
    return new Map([
      [input, gradients.inputGradient],
      [weight, gradients.weightGradient],
      [bias, gradients.biasGradient],
    ]);
  },
};
