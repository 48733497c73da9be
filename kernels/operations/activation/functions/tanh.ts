/**
 * tanh: y = (e^x - e^-x) / (e^x + e^-x); dL/dx = dL/dy (1 - y^2).
 *
 * With e = e^(-2 |x|), y is (1 - e) / (1 + e) with the sign of x, in which nothing overflows, and its slope 4 e / (1 + e)^2,
 * in which nothing cancels. Near zero, where 1 - e would, y is its Taylor polynomial of degree 9, 1e-8 of y off at 1/4.
 *
 * (Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 4.5.64.)
 *
 * @module
 */

import { logisticSlope } from "./logistic.ts";
import type { ActivationRule } from "./rule.ts";

const TERMS = [62 / 2835, -17 / 315, 2 / 15, -1 / 3, 1];

/** tanh x. */
export const tanh: ActivationRule = {
  expression: (value) => `hyperbolicTangent(${value})`,
  gradient: `  let power = exp(-2.0 * abs(value));
  let result = gradient * (4.0 * power / ((1.0 + power) * (1.0 + power)));`,
  functions: `
fn hyperbolicTangent(x: vec4<f32>) -> vec4<f32> {
  let power = exp(-2.0 * abs(x));
  let square = x * x;
  let near = x * ${TERMS.slice(1).reduce((sum, term) => `(${sum} * square + ${term})`, `${TERMS[0]}`)};
  return select(sign(x) * ((1.0 - power) / (1.0 + power)), near, abs(x) < vec4<f32>(0.25));
}
`,
  keepsZero: true,
  gradientOf: "input",
  reference: Math.tanh,
  derivative: (value) => 4 * logisticSlope(2 * value),
};
