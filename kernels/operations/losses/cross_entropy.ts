/**
 * Cross-entropy with soft targets: with logits z and targets t `[N, C]`, p = softmax(z) by row,
 *
 *     loss[n] = -sum over c of t[c] log p[c] = sum over c of t[c] (m - z[c]) + log(s) sum over c of t[c],
 *     s = sum over c of exp(z[c] - m), m the largest z,
 *
 * in which no summand is negative. The scalar loss is the mean over n, and its gradient
 *
 *     dL/dz[n, c] = (p[c] sum over c of t[c] - t[c]) / N:
 *
 * targets need not sum to 1. It is multiplied by the control's loss scale, which keeps small gradients apart from 0 in
 * f16.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { rowLoss } from "./row_loss.ts";
import type { Target } from "../shared/tensor.ts";

/**
 * Cross-entropy on the CPU.
 *
 * @param logits `[rows, C]`, classes not padded.
 * @param target `[rows, C]`.
 * @param classes Number of classes, C.
 * @returns The loss of each row, their mean, and its gradient with respect to the logits.
 */
export function crossEntropyReference(
  logits: ArrayLike<number>,
  target: ArrayLike<number>,
  classes: number,
): { losses: Float64Array; loss: number; inputGradient: Float64Array } {
  const rows = logits.length / classes;
  const losses = new Float64Array(rows);
  const inputGradient = new Float64Array(logits.length);
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[start + c]);
    let powers = 0;
    let total = 0;
    for (let c = 0; c < classes; c++) {
      powers += Math.exp(logits[start + c] - largest);
      total += target[start + c];
    }
    for (let c = 0; c < classes; c++) {
      const difference = logits[start + c] - largest;
      losses[row] += target[start + c] * (Math.log(powers) - difference);
      inputGradient[start + c] = (Math.exp(difference) / powers * total - target[start + c]) / rows;
    }
  }
  return { losses, loss: losses.reduce((sum, value) => sum + value, 0) / rows, inputGradient };
}

/**
 * Cross-entropy and its gradient.
 *
 * @param options `rows` of `classes` each; `gradientShare` is a factor of the gradient only: 1 over the batches whose
 * gradients are added up before an update, 1 unless given.
 * @returns A kernel with `logits`, `targets` (f32; both textures in the software profile), `control` (its loss scale is
 * read), `losses` (f32, `[rows]`) and `inputGradient`, dL/dlogits.
 */
export function crossEntropyKernel(
  options: { rows: number; classes: number; gradientShare?: number } & Target,
): Kernel {
  const { rows, gradientShare = 1 } = options;
  return rowLoss({
    ...options,
    name: "cross-entropy",
    gradientScale: gradientShare / rows,
    highest: true,
    sums: {
      powers: "exp(value - largest)",
      labels: "label",
      distances: "label * (largest - value)",
    },
    loss: "distances + labels * log(powers)",
    gradient: "exp(value - largest) * (labels / powers) - label",
  });
}
