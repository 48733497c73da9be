/**
 * Label maps on disk: Parquet or Arrow files that say what they hold, and folders of them that a killed run can go on with.
 *
 * @example
 * ```ts
 * import { openLabelMaps } from "./mod.ts";
 *
 * const labelMaps = await openLabelMaps("labels");
 * for await (const { key, topClass } of labelMaps.rows()) console.log(key, topClass[0]);
 * labelMaps.close();
 * ```
 *
 * @module
 */

export * from "./types.ts";
export type { Json } from "../base/json.ts";
export * from "../base/label_map.ts";
export { dequantise, quantise } from "../base/scores.ts";
export * from "./diffusion.ts";
export { type Container, containers } from "../columns/container.ts";
export * from "./writer.ts";
export * from "./source_images.ts";
export type { PartImage } from "./part_images.ts";
export * from "./manifest.ts";
export * from "./multi_label.ts";
export * from "./crop_labels.ts";
export * from "./folder.ts";
export type { LabelMapColumns } from "./label_map_columns.ts";
export { type LabelMapDescription, readLabelMapMetadata } from "./label_map_reader.ts";
export * from "./label_maps.ts";
