/**
 * Binary cross-entropy of logits, for several labels per image: with logits z and targets t `[N, C]`, s the sigmoid,
 *
 *     l = -t log s(z) - (1 - t) log(1 - s(z)) = max(z, 0) - z t + log(1 + exp(-|z|)).
 *
 * The loss of a row is the mean over C, the scalar loss the mean over N of these, and its gradient
 *
 *     dL/dz = (s(z) - t) / (N C),
 *
 * multiplied by the control's loss scale. The second form neither overflows nor subtracts large numbers. WGSL has no log(1 + e)
 * that is right for small e; with w = e / (2 + e) <= 1/3 it is 2 (w + w^3 / 3 + w^5 / 5 + ...), of which eight terms
 * are exact in f32.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { rowLoss } from "./row_loss.ts";
import type { Target } from "../shared/tensor.ts";

/**
 * Binary cross-entropy on the CPU.
 *
 * @param logits `[rows, C]`, classes not padded.
 * @param target `[rows, C]`.
 * @param classes Number of classes, C.
 * @returns The loss of each row, their mean, and its gradient with respect to the logits.
 */
export function binaryCrossEntropyReference(
  logits: ArrayLike<number>,
  target: ArrayLike<number>,
  classes: number,
): { losses: Float64Array; loss: number; inputGradient: Float64Array } {
  const rows = logits.length / classes;
  const losses = new Float64Array(rows);
  const inputGradient = Float64Array.from(logits, (value, index) => {
    const loss = Math.max(value, 0) - value * target[index] + Math.log1p(Math.exp(-Math.abs(value)));
    losses[Math.floor(index / classes)] += loss / classes;
    return (1 / (1 + Math.exp(-value)) - target[index]) / logits.length;
  });
  return { losses, loss: losses.reduce((sum, value) => sum + value, 0) / rows, inputGradient };
}

/** log(1 + e) for e in [0, 1]. */
const LOG_ONE_PLUS = `fn logOnePlus(e: vec4<f32>) -> vec4<f32> {
  let w = e / (2.0 + e);
  let square = w * w;
  var sum = vec4<f32>(${1 / 15});
${
  [13, 11, 9, 7, 5, 3, 1].map((power) => `  sum = sum * square + ${power === 1 ? "1.0" : 1 / power};\n`).join("")
}  return 2.0 * w * sum;
}
`;

/**
 * Binary cross-entropy and its gradient.
 *
 * @param options `rows` of `classes` each; `gradientShare` is a factor of the gradient only: 1 over the batches whose
 * gradients are added up before an update, 1 unless given.
 * @returns A kernel with `logits`, `targets` (f32; both textures in the software profile), `control` (its loss scale is
 * read), `losses` (f32, `[rows]`) and `inputGradient`, dL/dlogits.
 */
export function binaryCrossEntropyKernel(
  options: { rows: number; classes: number; gradientShare?: number } & Target,
): Kernel {
  const { rows, classes, gradientShare = 1 } = options;
  // exp(-|z|) of a large |z| is held at e^-87, which f32 can hold; the loss is then the first two terms' alone.
  const power = "exp(-min(abs(value), vec4<f32>(87.0)))";
  return rowLoss({
    ...options,
    name: "binary cross-entropy",
    functions: LOG_ONE_PLUS,
    gradientScale: gradientShare / (rows * classes),
    highest: false,
    sums: { terms: `max(value, vec4<f32>(0.0)) - value * label + logOnePlus(${power})` },
    loss: "terms / f32(parameters.classes)",
    gradient: `select(vec4<f32>(1.0), ${power}, value < vec4<f32>(0.0)) / (1.0 + ${power}) - label`,
  });
}
