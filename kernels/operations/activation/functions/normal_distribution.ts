/**
 * The normal distribution: P(x) = (1 + erf(x / sqrt 2)) / 2, the share of it below x, and its density
 * p(x) = e^(-x^2 / 2) / sqrt(2 pi).
 *
 * WGSL has no erf. Of a = |x| >= 0, P(-a) = e^(-a^2 / 2) M(a), where M, Mills' ratio but for a factor, falls slowly from
 * 1/2. With t = 1 / (1 + 0.265 a) it is a polynomial t (c0 + c1 t + ... + c8 t^8), the form of Abramowitz and Stegun's
 * 7.1.26, fitted for the least largest relative error at 6,000 Chebyshev points of 0 <= a <= 14.5: that is 1.5e-8, a
 * quarter of f32's rounding. P(a) = 1 - P(-a) then has no cancellation to fear, and the left tail keeps its digits, which
 * 1 + erf(x / sqrt 2) does not.
 *
 * On the CPU, in float64: the series P(a) = 1/2 + p(a) (a + a^3 / 3 + a^5 / 15 + ...) up to 3, and beyond it the continued
 * fraction P(-a) = p(a) / (a + 1 / (a + 2 / (a + 3 / ...))) (Abramowitz and Stegun, 26.2.11 and 26.2.14).
 *
 * @module
 */

/** Factor of |x| in t. */
export const MILLS_SCALE = 0.265;

/** Coefficients c0 to c8. */
export const MILLS_COEFFICIENTS = [
  0.1057403974,
  0.1052667776,
  0.1025550970,
  0.0608949855,
  0.1365550347,
  -0.1142866178,
  0.2159505661,
  -0.1433007394,
  0.0306244955,
];

/** WGSL function: of x, at most 14.5 from zero, and `power`, e^(-x^2 / 2), the share of the normal distribution below x. */
export const NORMAL_SHARE = `
fn normalShare(x: vec4<f32>, power: vec4<f32>) -> vec4<f32> {
  let t = 1.0 / (1.0 + ${MILLS_SCALE} * abs(x));
  var sum = vec4<f32>(${MILLS_COEFFICIENTS[MILLS_COEFFICIENTS.length - 1]});
${MILLS_COEFFICIENTS.slice(0, -1).toReversed().map((coefficient) => `  sum = sum * t + ${coefficient};`).join("\n")}
  let tail = power * (sum * t);
  return select(1.0 - tail, tail, x < vec4<f32>(0.0));
}
`;

/** The density at x, in float64. */
export function normalDensity(x: number): number {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/** The share of the normal distribution below x, in float64. */
export function normalShare(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < 3) {
    let sum = 0;
    for (let term = x, odd = 1; Math.abs(term) > Math.abs(sum) * 1e-17; term *= x * x / (odd += 2)) sum += term;
    return 0.5 + normalDensity(x) * sum;
  }
  let fraction = magnitude;
  for (let step = 200; step > 0; step--) fraction = magnitude + step / fraction;
  const tail = normalDensity(x) / fraction;
  return x < 0 ? tail : 1 - tail;
}
