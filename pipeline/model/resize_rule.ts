/**
 * Whose resize a folder of label maps was made with: its metadata says so from Pillow 13 on.
 *
 * @module
 */

import type { LabelMapMetadata } from "../../formats/labels/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { RESIZE_RULES, type ResizeRule } from "../../kernels/operations/resize/mod.ts";

/**
 * The metadata's entry for a rule: none for Pillow 12's, by which all folders were made before there was another.
 *
 * @param rule The rule.
 * @returns The entry.
 */
export function resizeEntry(rule: ResizeRule): { readonly resize?: ResizeRule } {
  return rule === "Pillow 12" ? {} : { resize: rule };
}

/**
 * The rule that metadata record.
 *
 * @param metadata Metadata of label maps.
 * @returns The rule.
 * @throws {TypeError} If it is one that is not known here.
 */
export function recordedResizeRule({ resize = "Pillow 12" }: LabelMapMetadata): ResizeRule {
  const rule = RESIZE_RULES.find((rule) => rule === resize);
  if (rule) return rule;
  throw new TypeError(
    `Cannot resize images as the label maps say: as ${showValue(resize)}, expected ${RESIZE_RULES.join(" or ")}`,
  );
}
