/**
 * An activation in a network. A plan seldom runs its kernels: convolutions and, in training, batch norms take it in.
 *
 * @module
 */

import { addStep, addTensor } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import { type ActivationFunction, activationRule } from "./functions/mod.ts";
import { activationGradientKernel } from "./gradient.ts";
import { activationKernel } from "./kernels.ts";

/** An elementwise function. */
export interface Activation extends AnyOperation {
  readonly type: "activation";
  readonly function: ActivationFunction;
}

/** The activation; training keeps its input or output for its gradient, as {@linkcode activationRule} says. */
export const activation: Rule<Activation> = {
  type: "activation",
  outputShape: ({ input }, shapeOf) => shapeOf(input),
  forward(builder, { input, output, function: activation }) {
    const shape = builder.shapeOf(input);
    addTensor(builder, output, shape);
    addStep(builder, activationKernel({ activation, shape, ...builder.target }), { input, output });
  },
  backward(builder, operation, outputGradient) {
    const { input, function: activation } = operation;
    const shape = builder.shapeOf(input);
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    addStep(builder, activationGradientKernel({ activation, shape, ...builder.target }), {
      input: operation[activationRule(activation).gradientOf],
      outputGradient,
      inputGradient,
    });
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: ({ input, function: activation }, { tensor }) =>
    Float64Array.from(tensor(input), activationRule(activation).reference),
  referenceGradient({ input, function: activation }, { tensor }, outputGradient) {
    const { derivative } = activationRule(activation);
    return new Map([[
      input,
      Float64Array.from(tensor(input), (value, index) => outputGradient[index] * derivative(value)),
    ]]);
  },
};
