/**
 * Whether label maps still say what their annotator says: a sample of them made again.
 *
 * @module
 */

import { type ImageSource, openDecodePool, openImages, type StoredImage } from "../../formats/images/mod.ts";
import {
  type ClassNames,
  differences,
  isTurned,
  type LabelMapMetadata,
  type LabelMapRow,
  openLabelMaps,
  type RejectedImage,
} from "../../formats/labels/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { permutation } from "../../formats/base/permutation.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import { loadAnnotator, type LoadedAnnotator } from "../model/load_annotator.ts";
import type { Defects } from "./defects.ts";
import { recordedAveraging } from "../model/averaged_entries.ts";
import { recordedScale } from "../model/read_class_embeddings.ts";
import { recordedResizeRule } from "../model/resize_rule.ts";
import { compareLabelMaps } from "./label_map_difference.ts";
import { defaultWorkers } from "../model/default_workers.ts";
import { labelImages } from "../model/label_images.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { type AnnotateAgain, DEFAULT_TOLERANCE } from "./options.ts";
import type { Structure, VerifiedFile } from "./structure.ts";

/** A row of the sample. */
interface SampledRow {
  readonly row: LabelMapRow;
  /** Where its image was in the source, where the folder says. */
  readonly position?: number;
}

/**
 * Annotates a sample again, and compares.
 *
 * @param structure The label maps.
 * @param again With what, and how many.
 * @param defects Where defects are added.
 * @param progress Where progress is shown.
 * @returns What was checked, a line each.
 * @throws {Error} If the annotator or the images cannot be opened, or the label maps do not say how they were made.
 */
export async function verifyAnnotation(
  structure: Structure,
  again: AnnotateAgain,
  defects: Defects,
  progress: Progress,
): Promise<string[]> {
  const { metadata, manifest } = structure;
  const sampled = metadata ? await drawRows(structure, again) : [];
  if (!metadata || sampled.length === 0) {
    return ["  annotator    no row could be read, so that none was annotated again"];
  }
  const { k, dtype, annotator: { name, inputSize } } = metadata;
  const { annotators, ...averaging } = recordedAveraging(metadata);
  if (!inputSize.every((size) => size > 0)) {
    throw new TypeError(`Cannot annotate again: the label maps do not say at what input size ${name} was used`);
  }
  if (annotators.length !== again.annotator.length) {
    throw new TypeError(
      `Cannot annotate again: the label maps are of ${
        formatNumberOf(annotators.length, "annotator")
      }, and --annotator ` +
        `names ${formatCount(again.annotator.length)}`,
    );
  }
  const [{ size }, ...others] = annotators;
  const embeddingScale = recordedScale(metadata);
  if ((embeddingScale === undefined) !== (again.classEmbeddings === undefined)) {
    throw new TypeError(
      `Cannot annotate again: the label maps were made ${
        embeddingScale === undefined
          ? "without class embeddings"
          : "with class embeddings: name them with --class-embeddings"
      }`,
    );
  }
  const storage = storageOf(manifest?.configuration.engine);
  const source = await openImages(again.images);
  using annotator = closing(
    await loadAnnotator(again.annotator, {
      ...averaging,
      // Others are told apart from it by their own sizes, where no size was asked for.
      ...(others.every((other) => other.size.join() === size.join()) ? { size } : {}),
      k,
      dtype,
      scores: metadata.scores === "sigmoid" ? "sigmoid" : "softmax",
      floor: metadata.floor,
      storage,
      classEmbeddings: again.classEmbeddings,
      embeddingScale,
      classesFrom: metadata.classesFrom === undefined ? undefined : summedClasses(structure),
      exifOrientation: isTurned(metadata),
      resizeRule: recordedResizeRule(metadata),
      batch: again.batch,
      onDownload: progress.download,
      onWarning: progress.print,
    }),
  );
  const isComparable = checkAnnotator(metadata, annotator.metadata, defects);
  if (!isComparable) return ["  annotator    another one, whose maps cannot be compared"];
  return await compare(sampled, source, annotator, { ...again, storage, defects });
}

/** The classes that the annotator's were summed to, which the manifest names. */
function summedClasses({ manifest }: Structure): ClassNames {
  if (manifest?.classes) return manifest.classes;
  throw new TypeError(
    "Cannot annotate again: the classes of the annotator were summed to others, and no manifest names them",
  );
}

/** How activations were stored; label maps that do not say come from elsewhere. */
function storageOf(engine: unknown): Storage {
  return (engine as { storage?: unknown } | undefined)?.storage === "f16" ? "f16" : "f32";
}

/** Says where the annotator is not the recorded one; returns whether its maps can be compared. */
function checkAnnotator(recorded: LabelMapMetadata, loaded: LabelMapMetadata, defects: Defects): boolean {
  const isKnown = recorded.annotator.sha256 !== "unknown";
  for (const difference of isKnown ? differences(recorded.annotator, loaded.annotator) : []) {
    defects.add(`The annotator is not the one that made the label maps: its ${difference}`);
  }
  const others = ({ averagedWith, classEmbeddings }: LabelMapMetadata) => ({ averagedWith, classEmbeddings });
  for (const difference of isKnown ? differences(others(recorded), others(loaded)) : []) {
    defects.add(`The annotators are not those that made the label maps: ${difference}`);
  }
  const shape = ({ classes, grid }: LabelMapMetadata) => ({ classes, grid });
  const found = differences(shape(recorded), shape(loaded));
  for (const difference of found) defects.add(`The annotator's maps are not like the recorded ones: ${difference}`);
  return found.length === 0;
}

/** Rows from all files, as likely each, in their order. */
async function drawRows(
  { files, manifest, rejected }: Structure,
  { sample, seed }: AnnotateAgain,
): Promise<SampledRow[]> {
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  const chosen = permutation(total, { seed }).subarray(0, sample).sort();
  const rows: SampledRow[] = [];
  let [start, next] = [0, 0];
  for (const file of files) {
    const end = start + file.rows;
    if (chosen[next] < end) {
      const position = manifest && positionsOf(file, manifest.configuration.rowsPerFile, rejected);
      using labelMaps = closing(await openLabelMaps(file.path));
      for (; chosen[next] < end; next++) {
        rows.push({ row: await labelMaps.get(chosen[next] - start), position: position?.[chosen[next] - start] });
      }
    }
    start = end;
  }
  return rows;
}

/** Where the images of a part's rows are in the source: all of its range but the rejected ones. */
function positionsOf(file: VerifiedFile, rowsPerFile: number, rejected: readonly RejectedImage[]): number[] {
  const without = new Set(rejected.map(({ index }) => index));
  const first = file.part!.part * rowsPerFile;
  const positions: number[] = [];
  for (let index = first; positions.length < file.rows; index++) {
    if (!without.has(index)) positions.push(index);
  }
  return positions;
}

/** The images of rows, as far as the source has them: at their recorded places, else wherever their keys are. */
async function* findImages(source: ImageSource, sampled: readonly SampledRow[]): AsyncGenerator<StoredImage> {
  const missing = new Set<string>();
  for (const { row: { key }, position } of sampled) {
    const image = position === undefined ? undefined : await imageAt(source, position);
    if (image?.key === key) yield image;
    else missing.add(key);
  }
  if (missing.size === 0) return;
  for await (const image of source.read()) {
    if (!missing.delete(image.key)) continue;
    yield image;
    if (missing.size === 0) return;
  }
}

async function imageAt(source: ImageSource, position: number): Promise<StoredImage | undefined> {
  for await (const image of source.read({ start: position, end: position + 1 })) return image;
}

async function compare(
  sampled: readonly SampledRow[],
  source: ImageSource,
  annotator: LoadedAnnotator,
  options: AnnotateAgain & { storage: Storage; defects: Defects },
): Promise<string[]> {
  const { metadata, capabilities } = annotator;
  const { images, storage, defects, tolerance = DEFAULT_TOLERANCE[storage] } = options;
  const rows = new Map(sampled.map(({ row }) => [row.key, row]));
  const workers = defaultWorkers();
  using pool = closing(openDecodePool(workers, { exifOrientation: isTurned(metadata) }));
  let [largest, changed, compared] = [0, 0, 0];
  const labelled = labelImages(findImages(source, sampled), annotator, {
    pool,
    workers,
    times: { decode: 0, annotate: 0 },
  });
  for await (const image of labelled) {
    const before = rows.get(image.key)!;
    rows.delete(image.key);
    if ("reason" in image) {
      defects.add(`The image ${JSON.stringify(image.key)} has a row, but cannot be decoded: ${image.reason}`);
      continue;
    }
    const found = compareLabelMaps(before, image.row, metadata);
    largest = Math.max(largest, found.largest);
    changed += found.changedCells;
    compared++;
    if (found.beyondRounding > tolerance) {
      defects.add(
        `The map of ${JSON.stringify(image.key)} differs by up to ${formatLogits(found.largest)} logits, of which ` +
          `${formatLogits(found.beyondRounding)} are more than rounding to ${metadata.dtype} explains, and ` +
          `${formatNumberOf(found.changedCells, "top-1 cell")} changed`,
      );
    }
  }
  for (const key of rows.keys()) defects.add(`The image ${JSON.stringify(key)} is not in "${images}"`);
  const [height, width] = metadata.grid;
  return [
    `  annotator    ${metadata.annotator.name}, SHA-256 ${metadata.annotator.sha256.slice(0, 12)}..., on ` +
    capabilities.adapter,
    `  again        ${formatNumberOf(compared, "image")}: logits differ by up to ${formatLogits(largest)}, ` +
    `${formatCount(changed)} of ${formatCount(compared * height * width)} top-1 cells changed; tolerance ` +
    `${formatLogits(tolerance)} beyond rounding to ${metadata.dtype}`,
  ];
}

/** Three digits, and 0 as it is. */
function formatLogits(logits: number): string {
  return logits === 0 ? "0" : String(Number(logits.toPrecision(3)));
}
