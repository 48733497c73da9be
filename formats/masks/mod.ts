/**
 * Masks: which pixels of an image are of which class, from COCO's annotations.
 *
 * ```ts
 * import { cellShares, openInstances, uniteRuns } from "./mod.ts";
 *
 * const instances = await openInstances("instances_val2017.json");
 * const [first] = instances.of(0);
 * console.log(cellShares(uniteRuns(first.masks), instances.images[0], { height: 14, width: 14 }));
 * instances.close();
 * ```
 *
 * @module
 */

export { type Instance, type Instances, type InstancesImage, openInstances } from "./instances.ts";
export { cellShares, type MaskRuns, type Size, uniteRuns } from "./mask_runs.ts";
export { polygonRuns } from "./polygon_mask.ts";
export { runLengthRuns } from "./run_length_mask.ts";
