/**
 * How others store soft labels: ReLabel's published maps, TokenLabeling's, FKD's labels of crops.
 *
 * ```ts
 * import { openPublished, readPublished } from "./mod.ts";
 *
 * const source = await openPublished("tests/fixtures/published");
 * for await (const file of source.files()) {
 *   const published = readPublished(file.path, await file.read());
 *   console.log(file.stem, file.label, published.kind);
 * }
 * ```
 *
 * @module
 */

export { type CropLabelMode, type CropLabels } from "./published_crops.ts";
export { isPublishedName, openPublished, type PublishedFile, type PublishedSource } from "./published_source.ts";
export { mapOf, type PublishedMap, type PublishedMapKind, publishedMapWriter } from "./published_map.ts";
export { type Published, readPublished } from "./read.ts";
