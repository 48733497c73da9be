/**
 * silu, also called swish: y = x s(x), s the logistic function; dL/dx = dL/dy s(x) (1 + x (1 - s(x))).
 *
 * @module
 */

import { isHeld, logistic, LOGISTIC_POWERS, logisticDivisor, logisticSlope } from "./logistic.ts";
import type { ActivationRule } from "./rule.ts";

/** x / (1 + e^-x). Where the exponent is held, x counts as 0. */
export const silu: ActivationRule = {
  expression: (value) => `(select(${value}, vec4<f32>(0.0), ${isHeld(value)}) / ${logisticDivisor(value)})`,
  gradient: `${LOGISTIC_POWERS}  let sigmoid = select(vec4<f32>(1.0), power, value < vec4<f32>(0.0)) / divisor;
  let result = gradient * (sigmoid + held * (power / (divisor * divisor)));`,
  keepsZero: true,
  gradientOf: "input",
  reference: (value) => value / (1 + Math.exp(-value)),
  derivative: (value) => logistic(value) + value * logisticSlope(value),
};
