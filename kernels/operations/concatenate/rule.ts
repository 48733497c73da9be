/**
 * Tensors side by side in a network.
 *
 * @module
 */

import { addStep, addTensor } from "../shared/builder.ts";
import { movementGradientReference, movementKernel, type Place } from "../shared/movement.ts";
import type { AnyOperation, Rule } from "../shared/rule.ts";
import type { Shape } from "../shared/tensor.ts";
import { takingChannels } from "../take_channels/rule.ts";
import { concatenateKernel, concatenateReference, concatenateShape } from "./kernels.ts";

/** Tensors `[N, H, W, C]`, C of their own each, side by side along the channels. */
export interface Concatenate extends AnyOperation {
  readonly type: "concatenate";
  /** Names of the tensors, in order; `input` is the first of them. */
  readonly inputs: readonly string[];
}

/** Each input with its shape and its first channel in the output. */
function runsOf({ inputs }: Concatenate, shapeOf: (tensor: string) => Shape) {
  let first = 0;
  return inputs.map((tensor) => {
    const run = { tensor, shape: shapeOf(tensor), first };
    first += run.shape[3];
    return run;
  });
}

/** Tensors side by side; training keeps nothing for their gradients. */
export const concatenate: Rule<Concatenate> = {
  type: "concatenate",
  inputs: ({ inputs }) => inputs,
  outputShape: ({ inputs }, shapeOf) => concatenateShape(inputs.map(shapeOf)),
  forward(builder, operation) {
    const { target, shapeOf } = builder;
    const output = shapeOf(operation.output);
    addTensor(builder, operation.output, output);
    for (const { tensor, shape, first } of runsOf(operation, shapeOf)) {
      const kernel = concatenateKernel({ input: shape, output, first, ...target });
      addStep(builder, kernel, { input: tensor, output: operation.output });
    }
  },
  backward(builder, operation, outputGradient, { wanted }) {
    const { target, shapeOf } = builder;
    const output = shapeOf(operation.output);
    return runsOf(operation, shapeOf).filter(({ tensor }) => wanted(tensor)).map(({ tensor, shape, first }) => {
      const gradient = addTensor(builder, `${operation.output} gradient from ${first}`, shape);
      const movement = takingChannels({ input: output, output: shape }, first);
      addStep(builder, movementKernel({ movement, ...target }), { input: outputGradient, output: gradient });
      return { tensor, gradient };
    });
  },
  reference: ({ inputs }, { tensor, shapeOf }) => concatenateReference(inputs.map(tensor), inputs.map(shapeOf)),
  referenceGradient(operation, { shapeOf }, outputGradient) {
    const output = shapeOf(operation.output);
    const gradients = new Map<string, Float64Array>();
    for (const { tensor, shape, first } of runsOf(operation, shapeOf)) {
      // The output as a movement to each input, the other way round.
      const gradient = movementGradientReference(
        outputGradient,
        { input: shape, output },
        ([image, y, x, channel]): Place => [image, y, x, channel - first],
      );
      // A tensor that is there twice has the sum of both.
      const known = gradients.get(tensor);
      gradients.set(tensor, known ? known.map((value, index) => value + gradient[index]) : gradient);
    }
    return gradients;
  },
};
