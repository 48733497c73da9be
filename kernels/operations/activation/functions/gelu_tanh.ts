/**
 * GELU by its approximation with tanh: y = x (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3). As
 * (1 + tanh u) / 2 = s(2 u), s the logistic function, y = x s(v) with v = 2 u, and
 * dL/dx = dL/dy (s(v) + x s(v) (1 - s(v)) v'), v' = sqrt(8 / pi) (1 + 0.134145 x^2).
 *
 * At |x| = 10, v is 87.3: e^v is 8.3e37, still under 2^126, the end of the range in which WGSL's division is accurate, and s
 * is 0 or 1 but for 1e-38. Beyond, x is held there, and y is 0 or x.
 *
 * (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016; PyTorch's `approximate="tanh"`.)
 *
 * @module
 */

import { logistic, logisticSlope } from "./logistic.ts";
import type { ActivationRule } from "./rule.ts";

const FACTOR = Math.sqrt(8 / Math.PI);

/** v, which the logistic function is taken of. */
function exponent(x: number): number {
  return FACTOR * (x + 0.044715 * x ** 3);
}

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. */
export const geluTanh: ActivationRule = {
  expression: (value) => `geluTanh(${value})`,
  gradient: "  let result = gradient * geluTanhSlope(value);",
  functions: `
fn geluTanh(x: vec4<f32>) -> vec4<f32> {
  let held = clamp(x, vec4<f32>(-10.0), vec4<f32>(10.0));
  let v = ${FACTOR} * held * (1.0 + 0.044715 * held * held);
  return select(x, vec4<f32>(0.0), x < vec4<f32>(-10.0)) / (1.0 + exp(-v));
}

fn geluTanhSlope(x: vec4<f32>) -> vec4<f32> {
  let held = clamp(x, vec4<f32>(-10.0), vec4<f32>(10.0));
  let v = ${FACTOR} * held * (1.0 + 0.044715 * held * held);
  let power = exp(-abs(v));
  let divisor = 1.0 + power;
  let share = select(vec4<f32>(1.0), power, v < vec4<f32>(0.0)) / divisor;
  return share + held * (power / (divisor * divisor)) * (${FACTOR} * (1.0 + 0.134145 * held * held));
}
`,
  keepsZero: true,
  gradientOf: "input",
  reference: (value) => value * logistic(exponent(value)),
  derivative: (value) =>
    logistic(exponent(value)) +
    (Math.abs(value) > 40 ? 0 : value * logisticSlope(exponent(value)) * FACTOR * (1 + 0.134145 * value * value)),
};
