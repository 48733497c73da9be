/**
 * What the losses of independent classes share, of which an image may show several, or none.
 *
 * Such a loss is a sum over classes of a function of the class's logit and target. The loss of a row is that sum, or the
 * mean over its classes, and the scalar loss the mean over the rows. A mean is what PyTorch's `BCEWithLogitsLoss` takes; with
 * a sum a learning rate means the same for any number of classes, and about what it does with cross-entropy. (The code of
 * asymmetric loss adds the images up too, so that its gradient also grows with the batch; Adam and its kin do not tell
 * the difference.)
 *
 * A class whose target is negative is not counted: its loss and gradient are 0. {@linkcode UNKNOWN} remains negative
 * where targets are mixed.
 *
 * @module
 */

/** The target of a class of which is not known whether an image shows it; a share of 1e-30 of it is still negative. */
export const UNKNOWN = -1e30;

/** What becomes of the losses of a row's classes. */
export type ClassReduction = "mean" | "sum";

/** How many losses of classes count as one, by which the sum of a row is divided. */
export function classDivisor(classes: number, reduction: ClassReduction = "mean"): number {
  return reduction === "mean" ? classes : 1;
}

/**
 * WGSL of log(1 + e) for e in [0, 1], which has no function that is right for small e: with w = e / (2 + e) <= 1/3 it is
 * 2 (w + w^3 / 3 + w^5 / 5 + ...), of which eight terms are exact in f32.
 */
export const LOG_ONE_PLUS = `fn logOnePlus(e: vec4<f32>) -> vec4<f32> {
  let w = e / (2.0 + e);
  let square = w * w;
  var sum = vec4<f32>(${1 / 15});
${
  [13, 11, 9, 7, 5, 3, 1].map((power) => `  sum = sum * square + ${power === 1 ? "1.0" : 1 / power};\n`).join("")
}  return 2.0 * w * sum;
}
`;
