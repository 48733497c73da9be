/**
 * relu6: y = min(max(x, 0), 6); dL/dx is g = dL/dy where 0 < x < 6. As in PyTorch it has the slope 0 at its corners.
 *
 * @module
 */

import type { ActivationRule } from "./rule.ts";

/** min(max(x, 0), 6). */
export const relu6: ActivationRule = {
  expression: (value) => `clamp(${value}, vec4<f32>(0.0), vec4<f32>(6.0))`,
  // Comparisons that a NaN fails let the gradient through.
  gradient: "  let result = select(gradient, vec4<f32>(0.0), (value <= vec4<f32>(0.0)) | (value >= vec4<f32>(6.0)));",
  keepsZero: true,
  gradientOf: "output",
  reference: (value) => Math.min(Math.max(value, 0), 6),
  derivative: (value) => value > 0 && value < 6 ? 1 : 0,
};
