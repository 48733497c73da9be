import {
  convolutionFilterGradientReference,
  convolutionInputGradientReference,
} from "../../../../kernels/operations/convolution/gradient_reference.ts";
import { convolutionReference } from "../../../../kernels/operations/convolution/reference.ts";
import { assertClose } from "../../compare.ts";
import { GRADIENT_CASES, gradientValues } from "./gradient_cases.ts";

/** Places of an array to vary: all of a short one, else about 40, spread over it. */
function places(length: number): number[] {
  const step = Math.max(1, Math.floor(length / 40) | 1);
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
}

for (const { what, shape } of GRADIENT_CASES) {
  Deno.test(`the gradient references agree with finite differences for ${what}`, () => {
    const { input, weight, outputGradient } = gradientValues(shape);
    const bias = Array.from({ length: shape.outputChannels }, () => 0);
    const loss = () => {
      const output = convolutionReference(shape, { input, weight, bias });
      return output.reduce((sum, value, index) => sum + value * outputGradient[index], 0);
    };
    const { filter, bias: biasGradient } = convolutionFilterGradientReference(input, outputGradient, shape);
    const inputGradient = convolutionInputGradientReference(outputGradient, weight, shape);
    for (
      const [name, values, gradient] of [
        ["filter", weight, filter],
        ["bias", bias, biasGradient],
        ["input", input, inputGradient],
      ] as const
    ) {
      const varied = places(values.length);
      // The loss is linear in each value by itself, so that a step as long as a value leaves no truncation error.
      const differences = varied.map((place) => {
        const value = values[place];
        values[place] = value + 1;
        const above = loss();
        values[place] = value - 1;
        const below = loss();
        values[place] = value;
        return (above - below) / 2;
      });
      assertClose(varied.map((place) => gradient[place]), differences, {
        absolute: 1e-9,
        relative: 1e-9,
        name: `${name} gradient of ${what}`,
      });
    }
  });
}
