/**
 * A learned position embedding in a network.
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
import type { AnyOperation, Initial, Rule } from "../shared/rule.ts";
import type { Shape } from "../shared/tensor.ts";
import { positionEmbeddingKernel } from "./kernels.ts";

/** The parameter is added to every image: `[N, H, W, C]`, whose positions are, row-major, those of the parameter. */
export interface PositionEmbedding extends AnyOperation {
  readonly type: "positionEmbedding";
  readonly parameter: string;
  /** timm's: `[1, T, C]`, `[1, h, w, C]`, or with `channelsFirst` `[1, C, h, w]`. */
  readonly shape: readonly number[];
  readonly channelsFirst?: boolean;
  /** How it is drawn; as in timm, truncated normal with deviation 0.02, if left out. */
  readonly initial?: Initial;
}

function stridesOf(
  { shape, channelsFirst = false }: PositionEmbedding,
  [, height, width, channels]: Shape,
): ParameterStrides {
  const axes = shape.map((_, axis) => axis);
  const order = channelsFirst ? [axes[0], ...axes.slice(2), axes[1]] : axes;
  return parameterStrides(shape, order, { positions: height * width, channels });
}

/** Where {@linkcode imageSumsKernel} finds what the parameter was added to. */
function everyPosition(operation: PositionEmbedding, shape: Shape) {
  return { shape, first: 0, positions: shape[1] * shape[2], strides: stridesOf(operation, shape) };
}

/** The position embedding; training keeps nothing for its gradient. */
export const positionEmbedding: Rule<PositionEmbedding> = {
  type: "positionEmbedding",
  outputShape(operation, shapeOf) {
    const shape = shapeOf(operation.input);
    stridesOf(operation, shape);
    return shape;
  },
  parameters: ({ parameter, shape, initial = { truncatedNormal: 0.02 } }) => [
    [parameter, shape, { initial, decays: false }],
  ],
  forward(builder, operation) {
    const { input, output, parameter } = operation;
    const shape = builder.shapeOf(input);
    addTensor(builder, output, shape);
    const kernel = positionEmbeddingKernel({ shape, strides: stridesOf(operation, shape), ...builder.target });
    addStep(builder, kernel, { input, embedding: addParameter(builder, parameter), output });
  },
  backward(builder, operation, outputGradient) {
    const { input, parameter } = operation;
    if (builder.parameters.trained) {
      const kernel = imageSumsKernel({ ...everyPosition(operation, builder.shapeOf(input)), ...builder.target });
      addStep(builder, kernel, { outputGradient, parameterGradient: gradientName(parameter) });
    }
    return [{ tensor: input, gradient: outputGradient }];
  },
  reference(operation, { tensor, shapeOf, parameter }) {
    const { shape: [, height, width, channels], strides } = everyPosition(operation, shapeOf(operation.input));
    const embedding = parameterReference(parameter(operation.parameter), strides, {
      positions: height * width,
      channels,
    });
    return Float64Array.from(tensor(operation.input), (value, index) => value + embedding[index % embedding.length]);
  },
  referenceGradient: (operation, { shapeOf }, outputGradient) =>
    new Map([
      [operation.input, Float64Array.from(outputGradient)],
      [
        operation.parameter,
        imageSumsReference(outputGradient, everyPosition(operation, shapeOf(operation.input))),
      ],
    ]),
};
