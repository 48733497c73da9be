/**
 * The squared rectifier: y = max(x, 0)^2; dL/dx = dL/dy 2 max(x, 0). Star ReLU is this, then a factor and a summand that
 * are learned.
 *
 * (So et al., "Primer: Searching for Efficient Transformers", 2021, section 4.2; Yu et al., "MetaFormer Baselines for
 * Vision", 2022, section 3.3; timm's `StarReLU`.)
 *
 * @module
 */

import type { ActivationRule } from "./rule.ts";

/** max(x, 0)^2. */
export const reluSquared: ActivationRule = {
  expression: (value) => `max(${value}, vec4<f32>(0.0)) * max(${value}, vec4<f32>(0.0))`,
  gradient: "  let result = gradient * 2.0 * max(value, vec4<f32>(0.0));",
  keepsZero: true,
  gradientOf: "input",
  reference: (value) => Math.max(value, 0) ** 2,
  derivative: (value) => 2 * Math.max(value, 0),
};
