/**
 * The annotations of Shankar et al., `human_accuracy_v3.0.0.json`: which classes experts found right, wrong or unclear for
 * 20,000 images of ImageNet's validation set, and which images are problematic.
 *
 *     {"initial_annots": {"ILSVRC2012_val_00000001.JPEG": {"correct": [wnid], "wrong": [wnid], "unclear": [wnid]}},
 *      "problematic_images": {"ILSVRC2012_val_00000002.JPEG": ...}}
 *
 * A prediction counts as right if its class is correct or unclear; problematic images are not counted. (Shankar et al.,
 * "Evaluating Machine Accuracy on ImageNet", 2020, section 4.)
 *
 * @module
 */

import { basename } from "@std/path";
import { showValue } from "../base/show_value.ts";
import { readJsonFile } from "../base/files.ts";
import { areTexts, isObject } from "../base/json.ts";

/** The annotations, by the images' base names. */
export interface MultiLabelAnnotations {
  /** WordNet identifiers that count as right, of images that are counted. */
  readonly accepted: ReadonlyMap<string, readonly string[]>;
  /** Annotated images that are problematic. */
  readonly problematic: number;
}

/**
 * Reads the annotations.
 *
 * @param path The file.
 * @returns The annotations.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is something else.
 */
export async function readMultiLabelAnnotations(path: string): Promise<MultiLabelAnnotations> {
  const subject = `Cannot read annotations "${path}"`;
  const value = await readJsonFile(path, subject);
  const { initial_annots: images, problematic_images: named } = isObject(value) ? value : {};
  if (!isObject(images)) {
    throw new TypeError(`${subject}: initial_annots is ${showValue(images)}, expected an object of images`);
  }
  if (!isObject(named) && !areTexts(named)) {
    throw new TypeError(
      `${subject}: problematic_images is ${showValue(named)}, expected an object or a list of images`,
    );
  }
  const problematic = new Set((isObject(named) ? Object.keys(named) : named).map((name) => basename(name)));
  const accepted = new Map<string, readonly string[]>();
  let dropped = 0;
  for (const [name, annotation] of Object.entries(images)) {
    const { correct = [], unclear = [] } = isObject(annotation) ? annotation : { correct: annotation };
    if (!areTexts(correct) || !areTexts(unclear)) {
      throw new TypeError(
        `${subject}: the entry of "${name}" is ${showValue(annotation)}, expected lists of WordNet identifiers`,
      );
    }
    if (problematic.has(basename(name))) dropped++;
    else accepted.set(basename(name), [...correct, ...unclear]);
  }
  return { accepted, problematic: dropped };
}
