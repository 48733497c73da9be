/**
 * sigmoid: the logistic function, y = s(x) = 1 / (1 + e^-x); dL/dx = dL/dy s(x) (1 - s(x)).
 *
 * @module
 */

import { logistic, LOGISTIC_POWERS, logisticDivisor, logisticSlope } from "./logistic.ts";
import type { ActivationRule } from "./rule.ts";

/** 1 / (1 + e^-x), of zero 1/2. */
export const sigmoid: ActivationRule = {
  expression: (value) => `(1.0 / ${logisticDivisor(value)})`,
  gradient: `${LOGISTIC_POWERS}  let result = gradient * (power / (divisor * divisor));`,
  keepsZero: false,
  gradientOf: "input",
  reference: logistic,
  derivative: logisticSlope,
};
