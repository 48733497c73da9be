/**
 * relu: y = max(x, 0); dL/dx is g = dL/dy where x > 0. As in PyTorch it has the slope 0 at its corner.
 *
 * @module
 */

import type { ActivationRule } from "./rule.ts";

/** max(x, 0). */
export const relu: ActivationRule = {
  expression: (value) => `max(${value}, vec4<f32>(0.0))`,
  // A comparison that a NaN fails lets the gradient through.
  gradient: "  let result = select(gradient, vec4<f32>(0.0), value <= vec4<f32>(0.0));",
  keepsZero: true,
  gradientOf: "output",
  reference: (value) => Math.max(value, 0),
  derivative: (value) => value > 0 ? 1 : 0,
};
