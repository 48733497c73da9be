/**
 * Localized multi-labels for image data sets, on WebGPU: load an annotator, turn pixels into label maps, relabel a data
 * set, read what was written.
 *
 * ```ts
 * import { loadAnnotator, openImages, openLabelMaps, poolLabels, relabel, writeLabelMaps } from "@relabel/relabel";
 * import { SAMPLE_ANNOTATOR, SAMPLE_IMAGES } from "@relabel/relabel";
 *
 * // An annotator, and one image: any RGB pixels, such as those of readImage().
 * const annotator = await loadAnnotator(SAMPLE_ANNOTATOR, { size: 160, k: 3 });
 * const image = { width: 2, height: 1, pixels: Uint8Array.from([255, 0, 0, 0, 0, 255]) };
 * const [labelMap] = await annotator.annotate([image]);
 * console.log(annotator.metadata.grid, labelMap.class.length);
 *
 * // What a crop shows: the target that it is trained with.
 * const middle = { top: 0.25, left: 0.25, height: 0.5, width: 0.5 };
 * console.log(Math.max(...poolLabels(labelMap, [middle])));
 *
 * // A data set, row by row.
 * const images = await openImages(`${SAMPLE_IMAGES}/single`);
 * for await (const labelled of relabel(images, annotator)) {
 *   if ("reason" in labelled) console.log(labelled.key, labelled.reason);
 *   else console.log(labelled.key, annotator.classNames?.name[labelled.row.topClass[0]]);
 * }
 *
 * // The same on disk, where a run that was killed goes on, and read again.
 * const folder = await Deno.makeTempDir();
 * await writeLabelMaps(folder, images, annotator);
 * annotator.close();
 * const labelMaps = await openLabelMaps(folder);
 * console.log(labelMaps.length, labelMaps.metadata.dtype, (await labelMaps.get(0)).key);
 *
 * // Of stored maps alike.
 * const target = poolLabels(await labelMaps.batch([0]), [middle]);
 * console.log("pooled", Math.max(...target));
 * labelMaps.close();
 * ```
 *
 * A program elsewhere reads it by `{ "links": ["FOLDER"] }` in its `deno.json`, FOLDER being this project's, and needs
 * `--allow-read`, and `--allow-write` for a folder of label maps. With `--allow-ffi` images are decoded by a native
 * library, without in WebAssembly, which gives the same pixels in about twice the time. An annotator of the hub needs
 * `--allow-net` and the environment that `deno task relabel` names.
 *
 * @module
 */

export {
  type AnnotatedMap,
  type AnnotatorOptions,
  type LabelMap,
  loadAnnotator,
  type LoadedAnnotator,
} from "./pipeline/model/load_annotator.ts";
export type { MapAveraging } from "./kernels/programs/averaged_maps.ts";
export type { LogitKind, MapAverage } from "./kernels/operations/map_average/reference.ts";
export { SAMPLE_ANNOTATOR, SAMPLE_IMAGES } from "./pipeline/command/sample_images.ts";
export {
  type SettingValue,
  trainClassifier,
  type TrainedClassifier,
  type TrainingObserver,
} from "./pipeline/training/train_classifier.ts";
export type {
  EpochSummary,
  Evaluation,
  LabelEvaluation,
  MultiLabelEvaluation,
} from "./pipeline/training/summary_file.ts";
export { type LabelledImage, relabel, type RelabelOptions, type StepTimes } from "./pipeline/model/label_images.ts";
export type { WriteProgress } from "./pipeline/command/progress.ts";
export { writeLabelMaps, type WriteOptions, type WriteResult } from "./pipeline/relabel/write_label_maps.ts";
export type { FillResult } from "./pipeline/label_folder/fill_folder.ts";
export { readClassNames } from "./pipeline/model/class_names.ts";
export {
  type DecodedImage,
  decodeImage,
  type DecodeOptions,
  type FilePlace,
  type ImageRange,
  type ImageSource,
  type ImageSurvey,
  type ListedImage,
  openImageList,
  openImages,
  readImage,
  type StoredImage,
  type Tally,
  writeImageList,
} from "./formats/images/mod.ts";
export {
  type Annotator,
  type Classes,
  type ClassNames,
  type Container,
  dequantise,
  type FinishedPart,
  type FolderClasses,
  type Json,
  type LabelMapBatch,
  type LabelMapColumns,
  type LabelMapConfiguration,
  type LabelMapDescription,
  type LabelMapFormat,
  type LabelMapMetadata,
  type LabelMapRange,
  type LabelMapRow,
  type LabelMaps,
  type LabelMapType,
  type LabelMetadata,
  type ListedRow,
  type Manifest,
  type MapLayout,
  MULTI_LABEL_THRESHOLD,
  multiLabel,
  openLabelMaps,
  type OpenLabelMapsOptions,
  readManifests,
  scoreClasses,
  type ScoredClass,
  type ScoreKind,
  type Scores,
  type Shard,
} from "./formats/labels/mod.ts";
export {
  composeWarps,
  type Crop,
  HORIZONTAL_FLIP,
  type Interpolation,
  type MissingRule,
  type PoolingMode,
  type PoolingOptions,
  poolLabels,
  QUARTER_TURN,
  rotation,
  VERTICAL_FLIP,
  type Warp,
} from "./kernels/operations/label_pooling/mod.ts";
export { createLabelPooler, type LabelPooler, type LabelPoolerSettings } from "./kernels/programs/label_pooler.ts";
export type { ColumnSlice } from "./formats/columns/table.ts";
export type { ColumnValues } from "./formats/columns/columns.ts";
export type { DownloadProgress } from "./formats/weights/mod.ts";
export {
  type BufferRange,
  type Capabilities,
  closeDevice,
  type Device,
  type MemoryCount,
  openDevice,
} from "./kernels/engine/device.ts";
export type { Choices, MeasuredLayer, Tuning } from "./kernels/engine/choices.ts";
export type { TuneOptions } from "./pipeline/model/tuned_device.ts";
export type { Profile, Storage } from "./kernels/engine/kernel.ts";
export type { SubgroupLanes } from "./kernels/engine/subgroups.ts";
export type { StepTime } from "./kernels/engine/plan.ts";
export { RESIZE_RULES, type ResizeRule } from "./kernels/operations/resize/mod.ts";
export type { Pair } from "./kernels/operations/shared/window.ts";
export type { Pixels } from "./formats/base/pixels.ts";
