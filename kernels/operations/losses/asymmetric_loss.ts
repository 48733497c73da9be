/**
 * Asymmetric loss, for several labels per image of which most are absent: easy negatives weigh little, and very easy ones
 * nothing. With p = sigmoid of a logit z, q = min(1 - p + m, 1) the probability of absence, shifted by the margin m, and
 * the target t,
 *
 *     l = -u^g (t log p + (1 - t) log q),    u = 1 - (t p + (1 - t) q),    g = t g+ + (1 - t) g-
 *
 * which for t = 1 is -(1 - p)^g+ log p, and for t = 0, with r = max(p - m, 0), -r^g- log(1 - r): the paper's formula. Between
 * them, as for targets that are pooled, smoothed or mixed, it is what the authors' code computes where t is no integer. The
 * gradient is of the whole of it, of the weight u^g too, as in the paper's section 2.4. Losses of classes are added up, as
 * the authors do, or their mean taken: see `independent_classes.ts`.
 *
 * Source: Ridnik et al., "Asymmetric Loss For Multi-Label Classification", 2021, equations 1 to 7 and the authors' code,
 * whose probabilities of less than 1e-8 are not held there here.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import type { Target } from "../shared/tensor.ts";
import { classDivisor, type ClassReduction, LOG_ONE_PLUS } from "./independent_classes.ts";
import { rowLoss } from "./row_loss.ts";

/** The numbers of an asymmetric loss. */
export interface AsymmetricFocus {
  /** Exponent of what is wrong of a negative, g-, from 0. */
  readonly gammaNegative: number;
  /** Exponent of what is wrong of a positive, g+, from 0. */
  readonly gammaPositive: number;
  /** The probability up to which a negative counts nothing, m, 0 to 1. */
  readonly margin: number;
}

/**
 * Asymmetric loss on the CPU.
 *
 * @param logits `[rows, C]`, classes not padded.
 * @param target `[rows, C]`, 0 to 1, or less than 0 for what is not counted.
 * @param classes Number of classes, C.
 * @param options Exponents and margin; what becomes of the losses of a row's classes, their mean unless given.
 * @returns The loss of each row, their mean, and its gradient with respect to the logits.
 */
export function asymmetricLossReference(
  logits: ArrayLike<number>,
  target: ArrayLike<number>,
  classes: number,
  options: AsymmetricFocus & { readonly reduction?: ClassReduction },
): { losses: Float64Array; loss: number; inputGradient: Float64Array } {
  const { gammaNegative, gammaPositive, margin, reduction } = options;
  const rows = logits.length / classes;
  const divisor = classDivisor(classes, reduction);
  const losses = new Float64Array(rows);
  const inputGradient = Float64Array.from(logits, (value, index) => {
    const present = target[index];
    if (present < 0) return 0;
    const absent = 1 - present;
    const power = Math.exp(-Math.abs(value));
    const [larger, smaller] = [1 / (1 + power), power / (1 + power)];
    const [p, low] = value >= 0 ? [larger, smaller] : [smaller, larger];
    const logP = -Math.max(-value, 0) - Math.log1p(power);
    const seen = Math.max(p - margin, 0);
    const logQ = margin > 0 ? Math.log1p(-seen) : -Math.max(value, 0) - Math.log1p(power);
    const wrong = present * low + absent * seen;
    const gamma = gammaPositive * present + gammaNegative * absent;
    const weight = wrong ** gamma;
    const entropy = present * logP + absent * logQ;
    const slope = p * low;
    const ofAbsent = seen > 0 ? absent * slope : 0;
    const ofLogQ = seen > 0 ? absent * (margin > 0 ? slope / (1 - seen) : p) : 0;
    const ofEntropy = present * low - ofLogQ;
    const ofWeight = wrong > 0 ? gamma * weight / wrong * (ofAbsent - present * slope) : 0;
    losses[Math.floor(index / classes)] -= weight * entropy / divisor;
    return -(weight * ofEntropy + ofWeight * entropy) / (rows * divisor);
  });
  return { losses, loss: losses.reduce((sum, value) => sum + value, 0) / rows, inputGradient };
}

/**
 * The loss and its slope of four classes. What is wrong of a logit is held at 1e-30, of which no power is NaN; nothing
 * that is multiplied by it is then more than 1e-7.
 */
const ASYMMETRIC_LOSS = `struct Asymmetric { loss: vec4<f32>, slope: vec4<f32> }
fn asymmetric(value: vec4<f32>, label: vec4<f32>) -> Asymmetric {
  let zero = vec4<f32>(0.0);
  let one = vec4<f32>(1.0);
  let power = exp(-min(abs(value), vec4<f32>(87.0)));
  let larger = one / (one + power);
  let smaller = power / (one + power);
  let isPositive = value >= zero;
  let p = select(smaller, larger, isPositive);
  let low = select(larger, smaller, isPositive);
  let rest = logOnePlus(power);
  let hasMargin = vec4<bool>(parameters.margin > 0.0);
  let absent = one - label;
  let seen = max(p - parameters.margin, zero);
  let logP = -max(-value, zero) - rest;
  let left = max(one - seen, vec4<f32>(1e-30));
  // log(1 - x) of a small x is -log(1 + x / (1 - x)), of which nothing is rounded away.
  let logLeft = select(log(left), -logOnePlus(min(seen / left, one)), seen <= vec4<f32>(0.5));
  let logQ = select(-max(value, zero) - rest, logLeft, hasMargin);
  let wrong = max(label * low + absent * seen, vec4<f32>(1e-30));
  let gamma = parameters.gammaPositive * label + parameters.gammaNegative * absent;
  let weight = exp2(gamma * log2(wrong));
  let entropy = label * logP + absent * logQ;
  let slope = p * low;
  let ofAbsent = absent * select(zero, slope, seen > zero);
  let ofLogQ = absent * select(zero, select(p, slope / left, hasMargin), seen > zero);
  let ofEntropy = label * low - ofLogQ;
  let ofWeight = gamma * weight * (ofAbsent - label * slope) / wrong;
  let isKnown = label >= zero;
  return Asymmetric(
    select(zero, -weight * entropy, isKnown),
    select(zero, -(weight * ofEntropy + ofWeight * entropy), isKnown),
  );
}
`;

/**
 * Asymmetric loss and its gradient.
 *
 * @param options `rows` of `classes` each, exponents and margin; what becomes of the losses of a row's classes, their mean
 * unless given; `gradientShare` is a factor of the gradient only: 1 over the batches whose gradients are added up before an
 * update, 1 unless given.
 * @returns A kernel with `logits`, `targets` (f32; both textures in the software profile), `control` (its loss scale is
 * read), `losses` (f32, `[rows]`) and `inputGradient`, dL/dlogits.
 */
export function asymmetricLossKernel(
  options:
    & { rows: number; classes: number; reduction?: ClassReduction; gradientShare?: number }
    & AsymmetricFocus
    & Target,
): Kernel {
  const { rows, classes, gammaNegative, gammaPositive, margin, reduction, gradientShare = 1 } = options;
  const divisor = classDivisor(classes, reduction);
  return rowLoss({
    ...options,
    name: "asymmetric loss",
    functions: LOG_ONE_PLUS + ASYMMETRIC_LOSS,
    numbers: { divisor, gammaNegative, gammaPositive, margin },
    gradientScale: gradientShare / (rows * divisor),
    highest: false,
    sums: { terms: "asymmetric(value, label).loss" },
    loss: "terms / parameters.divisor",
    gradient: "asymmetric(value, label).slope",
  });
}
