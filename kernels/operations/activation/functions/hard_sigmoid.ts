/**
 * Hard-sigmoid: y = relu6(x + 3) / 6; dL/dx is dL/dy / 6 where -3 < x < 3 and 0 elsewhere, as in PyTorch at the corners,
 * too.
 *
 * (Howard et al., "Searching for MobileNetV3", 2019, section 5.2.)
 *
 * @module
 */

import type { ActivationRule } from "./rule.ts";

/** relu6(x + 3) / 6, of zero 1/2. */
export const hardSigmoid: ActivationRule = {
  expression: (value) => `(clamp(${value} + 3.0, vec4<f32>(0.0), vec4<f32>(6.0)) / 6.0)`,
  // Comparisons that a NaN fails let the gradient through.
  gradient: "  let result = select(gradient / 6.0, vec4<f32>(0.0), abs(value) >= vec4<f32>(3.0));",
  keepsZero: false,
  gradientOf: "input",
  reference: (value) => Math.min(Math.max(value + 3, 0), 6) / 6,
  derivative: (value) => Math.abs(value) < 3 ? 1 / 6 : 0,
};
