/**
 * A parameter as a tensor in a network: a learned query, a table of biases.
 *
 * @module
 */

import { addParameter, addStep, addTensor, gradientName } from "../shared/builder.ts";
import {
  imageSumsKernel,
  imageSumsReference,
  parameterReference,
  type ParameterStrides,
  parameterStrides,
} from "../shared/flat_parameter.ts";
import type { AnyOperation, ParameterFacts, Rule } from "../shared/rule.ts";
import type { Shape } from "../shared/tensor.ts";
import { parameterTensorKernel } from "./kernels.ts";

/** A parameter as a tensor `[1, H, W, C]`, or `[N, H, W, C]`, the same for each image. */
export interface ParameterTensor extends AnyOperation {
  readonly type: "parameterTensor";
  readonly parameter: string;
  /** timm's. */
  readonly shape: readonly number[];
  readonly outputShape: readonly [height: number, width: number, channels: number];
  /** Axes of the parameter in the order of the output's, their own order if left out; axes next to each other may become one. */
  readonly order?: readonly number[];
  /** Whether the output has an entry for each of `input`'s batch, of which nothing else is read; else it has one. */
  readonly broadcast: boolean;
  /** How the parameter is drawn, and whether it decays. */
  readonly facts?: ParameterFacts;
}

function stridesOf({ shape, outputShape, order }: ParameterTensor): ParameterStrides {
  const [height, width, channels] = outputShape;
  return parameterStrides(shape, order ?? shape.map((_, axis) => axis), { positions: height * width, channels });
}

/** Where {@linkcode imageSumsKernel} finds the parameter in the output's gradient. */
function everyPosition(operation: ParameterTensor, shape: Shape) {
  return { shape, first: 0, positions: shape[1] * shape[2], strides: stridesOf(operation) };
}

/** The parameter as a tensor; training keeps nothing for its gradient. */
export const parameterTensor: Rule<ParameterTensor> = {
  type: "parameterTensor",
  inputs: () => [],
  outputShape(operation, shapeOf) {
    stridesOf(operation);
    return [operation.broadcast ? shapeOf(operation.input)[0] : 1, ...operation.outputShape];
  },
  parameters: ({ parameter, shape, facts }) => [[parameter, shape, facts]],
  forward(builder, operation) {
    const { output, parameter } = operation;
    const shape = builder.shapeOf(output);
    addTensor(builder, output, shape);
    addStep(builder, parameterTensorKernel({ shape, strides: stridesOf(operation), ...builder.target }), {
      flat: addParameter(builder, parameter),
      output,
    });
  },
  backward(builder, operation, outputGradient) {
    if (builder.parameters.trained) {
      const run = everyPosition(operation, builder.shapeOf(operation.output));
      addStep(builder, imageSumsKernel({ ...run, ...builder.target }), {
        outputGradient,
        parameterGradient: gradientName(operation.parameter),
      });
    }
    return [];
  },
  reference(operation, { shapeOf, parameter }) {
    const [batch, height, width, channels] = shapeOf(operation.output);
    const one = parameterReference(parameter(operation.parameter), stridesOf(operation), {
      positions: height * width,
      channels,
    });
    return Float64Array.from({ length: batch * one.length }, (_, index) => one[index % one.length]);
  },
  referenceGradient: (operation, { shapeOf }, outputGradient) =>
    new Map([
      [operation.parameter, imageSumsReference(outputGradient, everyPosition(operation, shapeOf(operation.output)))],
    ]),
};
