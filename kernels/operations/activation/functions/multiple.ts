/**
 * A multiple: y = f x; dL/dx = f dL/dy. The factor f is a part of the text: a network has one, such as the half of the
 * mean of two classifiers.
 *
 * @module
 */

import type { ParametricActivation } from "./rule.ts";

/** f x. */
export const multiple: ParametricActivation<{ readonly factor: number }> = {
  usual: { factor: 0.5 },
  rule({ factor }) {
    if (!Number.isFinite(Math.fround(factor))) {
      throw new RangeError(`Cannot compute a multiple by the factor ${factor}`);
    }
    return {
      expression: (value) => `(${factor} * ${value})`,
      gradient: `  let result = ${factor} * gradient;`,
      keepsZero: true,
      gradientOf: "output",
      reference: (value) => factor * value,
      derivative: () => factor,
    };
  },
};
