/**
 * GELU: y = x P(x), P(x) the share of the normal distribution below x; dL/dx = dL/dy (P(x) + x p(x)), p its density.
 *
 * Left of -14 y is 0, which it is in f32 anyway: e^(-x^2 / 2) would meet an x that makes it large again.
 *
 * (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016; PyTorch's `approximate="none"`.)
 *
 * @module
 */

import { NORMAL_SHARE, normalDensity, normalShare } from "./normal_distribution.ts";
import type { ActivationRule } from "./rule.ts";

/** x (1 + erf(x / sqrt 2)) / 2. */
export const gelu: ActivationRule = {
  expression: (value) => `gelu(${value})`,
  gradient: "  let result = gradient * geluSlope(value);",
  functions: `${NORMAL_SHARE}
fn gelu(x: vec4<f32>) -> vec4<f32> {
  let held = clamp(x, vec4<f32>(-14.0), vec4<f32>(14.0));
  return select(x, vec4<f32>(0.0), x < vec4<f32>(-14.0)) * normalShare(held, exp(-0.5 * held * held));
}

fn geluSlope(x: vec4<f32>) -> vec4<f32> {
  let held = clamp(x, vec4<f32>(-14.0), vec4<f32>(14.0));
  let power = exp(-0.5 * held * held);
  return normalShare(held, power) + held * power * ${1 / Math.sqrt(2 * Math.PI)};
}
`,
  keepsZero: true,
  gradientOf: "input",
  reference: (value) => value * normalShare(value),
  derivative: (value) => normalShare(value) + value * normalDensity(value),
};
