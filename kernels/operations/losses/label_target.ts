/**
 * Targets made of labels: the smoothed one-hot vector of an image's label, or a mean of it with a target that is there
 * already, such as the one pooled from the image's label map:
 *
 *     t[n, c] = share ((1 - s) [c = label(n)] + s / C) + (1 - share) pooled[n, c],    s the smoothing.
 *
 * An image without a label has the pooled target alone, or a target of zeros, of which cross-entropy and its gradient are
 * zero.
 *
 * Source: Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7, in PyTorch's form (the label's own
 * class has its part of s too).
 *
 * @module
 */

import type { Kernel, Profile } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, realLanes } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** The label of an image that has none. */
export const NO_LABEL = -1;

/** How a target is made. */
export interface LabelTarget {
  /** The part of the label's probability that is spread over all classes, 0 to 1. */
  readonly smoothing: number;
  /** The label's share of the target, 0 to 1, beside a pooled target; without `share` the target is the label's alone. */
  readonly share?: number;
}

/**
 * Targets on the CPU.
 *
 * @param labels A class for each row, or {@linkcode NO_LABEL}.
 * @param options `classes`, how a target is made, and the `pooled` targets `[rows, C]` where there is a share.
 * @returns `[rows, C]`.
 */
export function labelTargetReference(
  labels: ArrayLike<number>,
  options: { classes: number; pooled?: ArrayLike<number> } & LabelTarget,
): Float64Array {
  const { classes, smoothing, share, pooled } = options;
  const targets = new Float64Array(labels.length * classes);
  return targets.map((_, index) => {
    const label = labels[Math.floor(index / classes)];
    const own = share === undefined ? 0 : pooled![index];
    if (label === NO_LABEL) return own;
    const smoothed = (index % classes === label ? 1 - smoothing : 0) + smoothing / classes;
    return (share ?? 1) * smoothed + (1 - (share ?? 1)) * own;
  });
}

/**
 * Targets from labels.
 *
 * @param options `rows` of `classes` each, and how a target is made.
 * @returns A kernel with the bindings `labels` (i32, `[rows]`) and `targets` (f32, `[rows, C]`), and, if there is a
 * `share`, with `pooled` (f32, `[rows, C]`; a texture in the software profile).
 */
export function labelTargetKernel(
  options: { rows: number; classes: number; profile: Profile } & LabelTarget,
): Kernel {
  const { rows, classes, smoothing, share, profile } = options;
  const vectors = channelVectors(classes);
  const mixes = share !== undefined;
  const reads = readTensors(mixes ? { pooled: "f32" } : {}, profile);
  return itemKernel({
    name: `label target${mixes ? " mixed" : ""}`,
    profile,
    bindings: { labels: "i32", ...reads.bindings, targets: "vec4<f32>" },
    parameters: [
      { name: "vectors", value: vectors },
      { name: "classes", value: classes },
      { name: "certain", type: "f32", value: 1 - smoothing },
      { name: "spread", type: "f32", value: smoothing / classes },
      ...(mixes ? [{ name: "share", type: "f32" as const, value: share }] : []),
    ],
    items: rows * vectors,
    body: `  let label = labels[item / parameters.vectors];
  let vector = item % parameters.vectors;
  let own = ${mixes ? reads.load("pooled", "item") : "vec4<f32>(0.0)"};
  let hit = vec4<i32>(i32(4u * vector)) + vec4<i32>(0, 1, 2, 3) == vec4<i32>(label);
  let smoothed = select(vec4<f32>(0.0), vec4<f32>(parameters.certain), hit) + parameters.spread;
  let labelled = ${mixes ? "parameters.share * smoothed + (1.0 - parameters.share) * own" : "smoothed"};
  let real = ${realLanes("vector", "parameters.classes")};
  targets[item] = select(own, labelled, real & vec4<bool>(label != ${NO_LABEL}));`,
  });
}
