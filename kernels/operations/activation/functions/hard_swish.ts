/**
 * Hard-swish: y = x relu6(x + 3) / 6; dL/dx is 0 up to x = -3, g = dL/dy from x = 3 on and g (x / 3 + 1/2) between, as in
 * PyTorch at the corners, too. The quotient is taken first: x relu6(x + 3) would overflow.
 *
 * (Howard et al., "Searching for MobileNetV3", 2019, section 5.2.)
 *
 * @module
 */

import type { ActivationRule } from "./rule.ts";

/** x relu6(x + 3) / 6. */
export const hardSwish: ActivationRule = {
  expression: (value) => `(${value} * (clamp(${value} + 3.0, vec4<f32>(0.0), vec4<f32>(6.0)) / 6.0))`,
  gradient: `  let between = select(gradient * (value / 3.0 + 0.5), gradient, value >= vec4<f32>(3.0));
  let result = select(between, vec4<f32>(0.0), value <= vec4<f32>(-3.0));`,
  keepsZero: true,
  gradientOf: "input",
  reference: (value) => value * (Math.min(Math.max(value + 3, 0), 6) / 6),
  derivative: (value) => value <= -3 ? 0 : value >= 3 ? 1 : value / 3 + 0.5,
};
