/**
 * Leaky relu: y = x where x > 0, slope x elsewhere; dL/dx is g = dL/dy or slope g. At the corner it is slope g, as in
 * PyTorch. The slope is a part of the text: a network has one.
 *
 * @module
 */

import type { ParametricActivation } from "./rule.ts";

/** x where x > 0, slope x elsewhere; PyTorch's usual slope is 0.01. */
export const leakyRelu: ParametricActivation<{ readonly slope: number }> = {
  usual: { slope: 0.01 },
  rule({ slope }) {
    if (!Number.isFinite(Math.fround(slope))) throw new RangeError(`Cannot compute leaky relu with the slope ${slope}`);
    return {
      expression: (value) => `select(${slope} * ${value}, ${value}, ${value} > vec4<f32>(0.0))`,
      gradient: `  let result = select(${slope} * gradient, gradient, value > vec4<f32>(0.0));`,
      keepsZero: true,
      gradientOf: "input",
      reference: (value) => value > 0 ? value : slope * value,
      derivative: (value) => value > 0 ? 1 : slope,
    };
  },
};
