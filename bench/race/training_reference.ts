/**
 * Training on the CPU, in float64.
 *
 * @module
 */

import { activationName } from "../../kernels/operations/activation/functions/mod.ts";
import type { BatchNorm } from "../../kernels/operations/batch_norm/rule.ts";
import type { Convolution } from "../../kernels/operations/convolution/rule.ts";
import { batchNormGradientReference } from "../../kernels/operations/batch_norm/gradient.ts";
import { batchNormTrainingReference } from "../../kernels/operations/batch_norm/training.ts";
import {
  convolutionFilterGradientReference,
  convolutionInputGradientReference,
} from "../../kernels/operations/convolution/gradient_reference.ts";
import { convolutionReference } from "../../kernels/operations/convolution/reference.ts";
import { type ConvolutionShape, convolutionShape } from "../../kernels/operations/convolution/shape.ts";
import { crossEntropyReference } from "../../kernels/operations/losses/cross_entropy.ts";
import { globalAveragePoolReference } from "../../kernels/operations/global_average_pool/kernels.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { type ClassifierLayer, inferShapes } from "../../kernels/operations/network.ts";
import { oneHot, trainedNames, type Training } from "./training.ts";

type Gradients = Map<string, Float64Array>;

/**
 * The losses of the first steps.
 *
 * @param training What is trained.
 * @param steps How many.
 * @returns A loss a step, before its update.
 */
export function trainingLossesReference(training: Training, steps: number): number[] {
  const { network, parameters, learningRate, momentum } = training;
  const weights: Gradients = new Map([...parameters].map(([name, { data }]) => [name, Float64Array.from(data)]));
  const velocities: Gradients = new Map();
  return Array.from({ length: steps }, (_, step) => {
    const { loss, backward } = forward(training, weights);
    if (step + 1 === steps) return loss;
    const gradients = backward();
    for (const name of trainedNames(network)) {
      const gradient = gradients.get(name)!;
      const before = velocities.get(name);
      const velocity = gradient.map((value, index) => value + (before ? momentum * before[index] : 0));
      velocities.set(name, velocity);
      weights.set(name, weights.get(name)!.map((value, index) => value - learningRate * velocity[index]));
    }
    return loss;
  });
}

function forward(training: Training, weights: Gradients): { loss: number; backward: () => Gradients } {
  const { network, batch, size, images } = training;
  const shapes = inferShapes(network.operations, { name: network.input, shape: [batch, ...size, 3] });
  const tensors = new Map<string, ArrayLike<number>>([[network.input, images]]);
  const read = (name: string) => tensors.get(name)!;
  /** Gradients of tensors and of parameters; a tensor that is read twice gets the sum. */
  const gradients: Gradients = new Map();
  const give = (name: string, gradient: Float64Array) => {
    const known = gradients.get(name);
    gradients.set(name, known ? known.map((value, index) => value + gradient[index]) : gradient);
  };
  const rules: (() => void)[] = [];
  for (const operation of network.operations) {
    const { input, output } = operation;
    const shape = shapes.get(input)!;
    switch (operation.type) {
      case "convolution":
        convolve(operation, shape);
        break;
      case "batchNorm":
        normalise(operation);
        break;
      case "activation":
        if (operation.function !== "relu") {
          throw new TypeError(`Cannot train ${activationName(operation.function)} here`);
        }
        tensors.set(output, Float64Array.from(read(input), (value) => Math.max(value, 0)));
        rules.push(() => give(input, gradients.get(output)!.map((value, index) => read(input)[index] > 0 ? value : 0)));
        break;
      case "add": {
        const residual = read(operation.residual);
        tensors.set(output, Float64Array.from(read(input), (value, index) => value + residual[index]));
        rules.push(() => {
          give(input, gradients.get(output)!);
          give(operation.residual, gradients.get(output)!);
        });
        break;
      }
      default:
        throw new TypeError(`Cannot train ${operation.type} here`);
    }
  }

  function convolve(operation: Convolution, shape: Shape): void {
    const { input, output, weight } = operation;
    const convolution = convolutionShape(shape, operation);
    tensors.set(output, convolutionReference(convolution, { input: read(input), weight: weights.get(weight)! }));
    rules.push(() => convolutionGradients(convolution, { input, weight, gradient: gradients.get(output)! }));
  }
  function convolutionGradients(
    convolution: ConvolutionShape,
    { input, weight, gradient }: { input: string; weight: string; gradient: Float64Array },
  ): void {
    give(weight, convolutionFilterGradientReference(read(input), gradient, convolution).filter);
    if (input !== network.input) {
      give(input, convolutionInputGradientReference(gradient, weights.get(weight)!, convolution));
    }
  }
  function normalise({ input, output, parameters, epsilon, momentum }: BatchNorm): void {
    const [weight, bias, runningMean, runningVariance] = ["weight", "bias", "running_mean", "running_var"]
      .map((name) => weights.get(`${parameters}.${name}`)!);
    const result = batchNormTrainingReference(read(input), {
      weight,
      bias,
      runningMean,
      runningVariance,
      epsilon,
      momentum,
    });
    tensors.set(output, result.output);
    rules.push(() => {
      const made = batchNormGradientReference(read(input), gradients.get(output)!, { weight, ...result });
      give(input, made.inputGradient);
      give(`${parameters}.weight`, made.weightGradient);
      give(`${parameters}.bias`, made.biasGradient);
    });
  }

  const { classifier, features } = network;
  const { logits, backward: backwardHead } = head(classifier, shapes.get(features)!);
  const { loss, inputGradient } = crossEntropyReference(logits, oneHot(training), classifier.outputChannels);

  function head({ weight, bias, inputChannels, outputChannels }: ClassifierLayer, shape: Shape) {
    const pooled = globalAveragePoolReference(read(features), shape);
    const linear = convolutionShape([batch, 1, 1, inputChannels], {
      outputChannels,
      kernel: [1, 1],
      stride: [1, 1],
      padding: [0, 0],
      groups: 1,
    });
    const logits = convolutionReference(linear, {
      input: pooled,
      weight: weights.get(weight)!,
      bias: weights.get(bias!)!,
    });
    return {
      logits,
      backward: (gradient: Float64Array) => {
        const made = convolutionFilterGradientReference(pooled, gradient, linear);
        give(weight, made.filter);
        give(bias!, made.bias);
        const [, height, width, channels] = shape;
        const pooledGradient = convolutionInputGradientReference(gradient, weights.get(weight)!, linear);
        give(
          features,
          Float64Array.from(read(features), (_, index) => {
            const image = Math.floor(index / (height * width * channels));
            return pooledGradient[image * channels + index % channels] / (height * width);
          }),
        );
      },
    };
  }
  return {
    loss,
    backward: () => {
      backwardHead(inputGradient);
      for (const rule of rules.toReversed()) rule();
      return gradients;
    },
  };
}
