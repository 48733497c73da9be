/**
 * Boxes of objects as data sets publish them: ImageNet's XML and tables, COCO's annotations.
 *
 * ```ts
 * import { openPublishedBoxes } from "./mod.ts";
 *
 * for await (const { key, boxes } of openPublishedBoxes("LOC_val_solution.csv")!) console.log(key, boxes.length);
 * ```
 *
 * @module
 */

export { coordinatesOf, type ImageBoxes, type PixelBox } from "./pixel_box.ts";
export { openPublishedBoxes } from "./published_boxes.ts";
