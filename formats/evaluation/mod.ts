/**
 * What is known of the images of evaluation sets: ReaL's lists, the annotations of Shankar et al., those of COCO.
 *
 * ```ts
 * import { parseMultiLabels, validationIndex } from "./mod.ts";
 *
 * const lists = parseMultiLabels([[1, 2], []], { classes: 3, subject: "Cannot read lists" });
 * console.log(lists[validationIndex("val/ILSVRC2012_val_00000001.JPEG")!]);
 * ```
 *
 * @module
 */

export { type CocoLabels, parseCocoLabels } from "./coco.ts";
export { type ImageClasses, type ImageClassesFile, parseImageClasses } from "./image_classes.ts";
export { readImageClasses } from "./image_classes_file.ts";
export { type MultiLabelAnnotations, readMultiLabelAnnotations } from "./multi_label_annotations.ts";
export { parseMultiLabels, validationIndex } from "./multi_labels.ts";
