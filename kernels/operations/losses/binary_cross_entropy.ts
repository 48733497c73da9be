/**
 * Binary cross-entropy of logits, for several labels per image: with logits z and targets t `[N, C]`, s the sigmoid,
 *
 *     l = -t log s(z) - (1 - t) log(1 - s(z)) = max(z, 0) - z t + log(1 + exp(-|z|)).
 *
 * The second form neither overflows nor subtracts large numbers. Losses of classes are added up, or their mean taken, as
 * `independent_classes.ts` says; the gradient of l is s(z) - t, and is multiplied by the control's loss scale.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { classDivisor, type ClassReduction, LOG_ONE_PLUS } from "./independent_classes.ts";
import { rowLoss } from "./row_loss.ts";
import type { Target } from "../shared/tensor.ts";

/**
 * Binary cross-entropy on the CPU.
 *
 * @param logits `[rows, C]`, classes not padded.
 * @param target `[rows, C]`.
 * @param classes Number of classes, C.
 * @param reduction Whether the loss of a row is the mean over its classes, as unless given, or their sum.
 * @returns The loss of each row, their mean, and its gradient with respect to the logits.
 */
export function binaryCrossEntropyReference(
  logits: ArrayLike<number>,
  target: ArrayLike<number>,
  classes: number,
  reduction?: ClassReduction,
): { losses: Float64Array; loss: number; inputGradient: Float64Array } {
  const rows = logits.length / classes;
  const divisor = classDivisor(classes, reduction);
  const losses = new Float64Array(rows);
  const inputGradient = Float64Array.from(logits, (value, index) => {
    if (target[index] < 0) return 0;
    const loss = Math.max(value, 0) - value * target[index] + Math.log1p(Math.exp(-Math.abs(value)));
    losses[Math.floor(index / classes)] += loss / divisor;
    return (1 / (1 + Math.exp(-value)) - target[index]) / (rows * divisor);
  });
  return { losses, loss: losses.reduce((sum, value) => sum + value, 0) / rows, inputGradient };
}

/**
 * Binary cross-entropy and its gradient.
 *
 * @param options `rows` of `classes` each; what becomes of the losses of a row's classes, their mean unless given;
 * `gradientShare` is a factor of the gradient only: 1 over the batches whose gradients are added up before an update, 1
 * unless given.
 * @returns A kernel with `logits`, `targets` (f32; both textures in the software profile), `control` (its loss scale is
 * read), `losses` (f32, `[rows]`) and `inputGradient`, dL/dlogits.
 */
export function binaryCrossEntropyKernel(
  options: { rows: number; classes: number; reduction?: ClassReduction; gradientShare?: number } & Target,
): Kernel {
  const { rows, classes, reduction, gradientShare = 1 } = options;
  const divisor = classDivisor(classes, reduction);
  // exp(-|z|) of a large |z| is held at e^-87, which f32 can hold; the loss is then the first two terms' alone.
  const power = "exp(-min(abs(value), vec4<f32>(87.0)))";
  const counted = (term: string) => `select(vec4<f32>(0.0), ${term}, label >= vec4<f32>(0.0))`;
  return rowLoss({
    ...options,
    name: "binary cross-entropy",
    functions: LOG_ONE_PLUS,
    numbers: { divisor },
    gradientScale: gradientShare / (rows * divisor),
    highest: false,
    sums: { terms: counted(`max(value, vec4<f32>(0.0)) - value * label + logOnePlus(${power})`) },
    loss: "terms / parameters.divisor",
    gradient: counted(`select(vec4<f32>(1.0), ${power}, value < vec4<f32>(0.0)) / (1.0 + ${power}) - label`),
  });
}
