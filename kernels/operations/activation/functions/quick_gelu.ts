/**
 * GELU by its approximation with the logistic function s: y = x s(v), v = 1.702 x; dL/dx = dL/dy (s(v) + v s(v) (1 - s(v))).
 *
 * x is held at +-51 in v, whose e^-v then stays in the range in which WGSL's division is accurate; beyond, y is 0 or x.
 *
 * (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2; OpenAI's CLIP, whose `QuickGELU` it is.)
 *
 * @module
 */

import { logistic, logisticSlope } from "./logistic.ts";
import type { ActivationRule } from "./rule.ts";

const FACTOR = 1.702;

/** x / (1 + e^(-1.702 x)). */
export const quickGelu: ActivationRule = {
  expression: (value) => `quickGelu(${value})`,
  gradient: "  let result = gradient * quickGeluSlope(value);",
  functions: `
fn quickGelu(x: vec4<f32>) -> vec4<f32> {
  let v = ${FACTOR} * clamp(x, vec4<f32>(-51.0), vec4<f32>(51.0));
  return select(x, vec4<f32>(0.0), x < vec4<f32>(-51.0)) / (1.0 + exp(-v));
}

fn quickGeluSlope(x: vec4<f32>) -> vec4<f32> {
  let v = ${FACTOR} * clamp(x, vec4<f32>(-51.0), vec4<f32>(51.0));
  let power = exp(-abs(v));
  let divisor = 1.0 + power;
  let share = select(vec4<f32>(1.0), power, v < vec4<f32>(0.0)) / divisor;
  return share + v * (power / (divisor * divisor));
}
`,
  keepsZero: true,
  gradientOf: "input",
  reference: (value) => value * logistic(FACTOR * value),
  derivative: (value) => logistic(FACTOR * value) + FACTOR * value * logisticSlope(FACTOR * value),
};
