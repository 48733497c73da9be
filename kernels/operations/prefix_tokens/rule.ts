/**
 * Learned tokens in front of those of each image, in a network.
 *
 * @module
 */

import { addParameter, addStep, addTensor, gradientName } from "../shared/builder.ts";
import { channelsLast, imageSumsKernel, imageSumsReference } from "../shared/flat_parameter.ts";
import { movementGradientReference, movementKernel } from "../shared/movement.ts";
import { type AnyOperation, contributionName, type Initial, type Rule } from "../shared/rule.ts";
import type { Shape } from "../shared/tensor.ts";
import { takingPositions } from "../take_positions/rule.ts";
import { prefixTokensKernel, prefixTokensReference, prefixTokensShape } from "./kernels.ts";

/** `[N, h, w, C]` to `[N, 1, P + h w, C]`: tokens of parameters in order, then the positions, row-major. */
export interface PrefixTokens extends AnyOperation {
  readonly type: "prefixTokens";
  readonly channels: number;
  readonly tokens: readonly Tokens[];
}

/** Learned tokens: a parameter `[1, count, C]`. */
export interface Tokens {
  readonly parameter: string;
  readonly count: number;
  /** How they are drawn; as in timm's VisionTransformer, normal with deviation 1e-6, if left out. */
  readonly initial?: Initial;
}

function countsOf({ tokens }: PrefixTokens): number[] {
  return tokens.map(({ count }) => count);
}

/** What {@linkcode imageSumsKernel} wants to know of each parameter, whose tokens stand in the output of `shape`. */
function runsOf({ tokens, channels }: PrefixTokens, shape: Shape) {
  let first = 0;
  return tokens.map(({ parameter, count }) => {
    const run = { parameter, shape, first, positions: count, strides: channelsLast(channels) };
    first += count;
    return run;
  });
}

/** How many tokens are in front. */
function prefixOf(operation: PrefixTokens): number {
  return countsOf(operation).reduce((sum, count) => sum + count, 0);
}

/** Tokens in front; training keeps nothing for their gradients. */
export const prefixTokens: Rule<PrefixTokens> = {
  type: "prefixTokens",
  outputShape(operation, shapeOf) {
    const shape = shapeOf(operation.input);
    if (shape[3] !== operation.channels) {
      throw new TypeError(
        `Cannot put tokens of ${operation.channels} channels in front of "${operation.input}", which has ${shape[3]}`,
      );
    }
    return prefixTokensShape(shape, countsOf(operation));
  },
  parameters: ({ tokens, channels }) =>
    tokens.map(({ parameter, count, initial = { normal: 1e-6 } }) =>
      [parameter, [1, count, channels], { initial, decays: false }] as const
    ),
  forward(builder, operation) {
    const { input, output, tokens } = operation;
    addTensor(builder, output, builder.shapeOf(output));
    const kernel = prefixTokensKernel({
      shape: builder.shapeOf(input),
      counts: countsOf(operation),
      ...builder.target,
    });
    const names = tokens.map(({ parameter }, index) => [`tokens${index}`, addParameter(builder, parameter)]);
    addStep(builder, kernel, { input, output, ...Object.fromEntries(names) });
  },
  backward(builder, operation, outputGradient, { wanted }) {
    const { input, output } = operation;
    const { target, shapeOf } = builder;
    if (builder.parameters.trained) {
      for (const { parameter, ...run } of runsOf(operation, shapeOf(output))) {
        addStep(builder, imageSumsKernel({ ...run, ...target }), {
          outputGradient,
          parameterGradient: gradientName(parameter),
        });
      }
    }
    if (!wanted(input)) return [];
    const inputGradient = addTensor(builder, contributionName(operation), shapeOf(input));
    const movement = takingPositions({ input: shapeOf(output), output: shapeOf(input) }, prefixOf(operation));
    addStep(builder, movementKernel({ movement, ...target }), { input: outputGradient, output: inputGradient });
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: (operation, { tensor, shapeOf, parameter }) =>
    prefixTokensReference(
      tensor(operation.input),
      shapeOf(operation.input),
      operation.tokens.map((token) => parameter(token.parameter)),
    ),
  referenceGradient(operation, { shapeOf }, outputGradient) {
    const [input, output] = [shapeOf(operation.input), shapeOf(operation.output)];
    const prefix = prefixOf(operation);
    // Element for element the output behind the prefix is the input.
    const inputGradient = movementGradientReference(
      outputGradient,
      { input, output },
      (
        [image, , token, channel],
      ) => [image, Math.floor((token - prefix) / input[2]), (token - prefix) % input[2], channel],
    );
    return new Map([
      [operation.input, inputGradient],
      ...runsOf(operation, output).map(({ parameter, ...run }) =>
        [parameter, imageSumsReference(outputGradient, run)] as const
      ),
    ]);
  },
};
