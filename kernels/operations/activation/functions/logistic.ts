/**
 * The logistic function s(x) = 1 / (1 + e^-x), of which several activations are made.
 *
 * e^-x overflows f32 at x = -88.7, and WGSL lets an implementation assume that infinities do not occur. Below -87 the
 * exponent is therefore held at 87: s(-87) is 1.6e-38, and the divisor stays under 2^126, the end of the range in which
 * WGSL's division is accurate. `select` rather than `min` lets NaN through.
 *
 * With e = e^-|x|, s(x) (1 - s(x)) is e / (1 + e)^2, in which nothing cancels.
 *
 * @module
 */

/** WGSL: whether the exponent of a value is held. */
export function isHeld(value: string): string {
  return `${value} < vec4<f32>(-87.0)`;
}

/** WGSL of 1 + e^-x. */
export function logisticDivisor(value: string): string {
  return `(1.0 + exp(select(-${value}, vec4<f32>(87.0), ${isHeld(value)})))`;
}

/** WGSL statements that make of `value` what derivatives are made of: `held`, `power` e^-|x| and `divisor` 1 + e^-|x|. */
export const LOGISTIC_POWERS = `  let held = clamp(value, vec4<f32>(-87.0), vec4<f32>(87.0));
  let power = exp(-abs(held));
  let divisor = 1.0 + power;
`;

/** The logistic function on the CPU, in float64. */
export function logistic(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** Its derivative on the CPU, in float64. */
export function logisticSlope(value: number): number {
  const power = Math.exp(-Math.abs(value));
  return power / (1 + power) ** 2;
}
