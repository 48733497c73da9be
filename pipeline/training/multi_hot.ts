/**
 * Targets of images that show several classes, or none: 1 for each that an image shows, else 0.
 *
 * @module
 */

import type { ImageClasses } from "../../formats/evaluation/mod.ts";
import { UNKNOWN } from "../../kernels/operations/losses/independent_classes.ts";

/**
 * Multi-hot targets.
 *
 * @param images The classes of each image.
 * @param options Number of `classes`; the `smoothing`, the share of a target that is spread over all classes, as for a
 *   single label: of an image that shows a class, timm's `BinaryCrossEntropy` makes the same.
 * @returns `[N, C]`; classes of which nothing is known have a target that losses do not count.
 */
export function multiHotTargets(
  images: readonly ImageClasses[],
  { classes, smoothing = 0 }: { readonly classes: number; readonly smoothing?: number },
): Float32Array<ArrayBuffer> {
  const targets = new Float32Array(images.length * classes).fill(smoothing / classes);
  images.forEach(({ present, unknown }, image) => {
    for (const label of present) targets[image * classes + label] = 1 - smoothing + smoothing / classes;
    for (const label of unknown) targets[image * classes + label] = UNKNOWN;
  });
  return targets;
}
