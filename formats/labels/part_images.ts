/**
 * Key and label of the images that a part file was made of, read from its own columns.
 *
 * @module
 */

import { openArrow } from "../columns/arrow/decode/file.ts";
import { createCache } from "../columns/cache.ts";
import type { Column } from "../columns/columns.ts";
import { containerOf } from "../columns/container.ts";
import type { RejectedImage } from "./manifest.ts";
import { openParquet } from "../columns/parquet/decode/file.ts";
import { closing } from "../base/closing.ts";
import { createFilePool } from "../base/random_access.ts";
import type { SourceImage } from "./source_images.ts";

const KEY: Column = { name: "key", type: "utf8", shape: "required" };
const LABEL: Column = { name: "label", type: "int32", shape: "optional" };

/** What a part tells of an image: of one that was rejected only its key. */
export type PartImage = Pick<SourceImage, "key"> & Partial<SourceImage>;

/**
 * Reads the images of a part. Of crop labels, rows of one key that follow each other are of one image.
 *
 * @param path The part file, of label maps or crop labels.
 * @param first Position in the source of the part's first image.
 * @param rejected The part's images without a row.
 * @returns Key and label of each image, by its position in the source.
 * @throws {Error} If the file cannot be read.
 */
export function readPartImages(
  path: string,
  first: number,
  rejected: readonly RejectedImage[],
): Map<number, PartImage> {
  const images = new Map<number, PartImage>(rejected.map(({ index, key }) => [index, { key }]));
  const subject = `Cannot read images of "${path}"`;
  using file = closing(createFilePool().open(path, subject));
  const openTable = containerOf(path) === "arrow" ? openArrow : openParquet;
  const table = openTable(file, subject, createCache(0), path);
  let index = first;
  const isOfCrops = table.columns.has("crop");
  let last: string | undefined;
  for (const [group, rows] of table.groups.entries()) {
    const keys = table.read(KEY, group, 0, rows).values as readonly string[];
    const labels = table.read(LABEL, group, 0, rows);
    for (const [row, key] of keys.entries()) {
      if (isOfCrops && key === last) continue;
      last = key;
      while (images.has(index)) index++;
      images.set(index++, { key, label: labels.present?.[row] === 0 ? null : labels.values[row] as number });
    }
  }
  return images;
}
