/**
 * The image-level multi-label of a map of which only the best classes of each cell are known.
 *
 * @module
 */

import { classArray, type Classes, type LabelMapMetadata, topLength } from "../../formats/labels/mod.ts";
import { poolLabels } from "../../kernels/operations/label_pooling/mod.ts";
import { largestIndices } from "../../formats/base/largest.ts";

/** The best classes of an image. */
export interface TopClasses {
  readonly topClass: Classes;
  readonly topProbability: Float32Array;
}

/**
 * The best classes of softmax(mean of the map over H and W), where a class counts as logit 0 in a cell that does not hold
 * it: the published rule.
 *
 * @param map Class indices and logits `[k, H, W]`.
 * @param shape Shape of the map, and the number of classes there are.
 * @returns The best 5, or all where there are fewer; of equals the first.
 */
export function topClassesOf(
  map: { class: Classes; score: Float32Array },
  shape: Pick<LabelMapMetadata, "k" | "grid" | "classes">,
): TopClasses {
  const target = poolLabels({ ...map, ...shape, count: 1, dtype: "fp32" }, [{ top: 0, left: 0, height: 1, width: 1 }]);
  const best = largestIndices(target, topLength(shape));
  return {
    topClass: classArray(shape.classes).from(best),
    topProbability: Float32Array.from(best, (index) => target[index]),
  };
}
