/**
 * From a folder of label maps and its images to a report.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { dirname, join } from "@std/path";
import { replaceFile } from "../../formats/base/files.ts";
import { isTurned, type LabelMaps, openLabelMaps } from "../../formats/labels/mod.ts";
import { openBoxes } from "../pictures/boxes.ts";
import { measureCrops } from "../charts/crops.ts";
import { classFinder, className } from "../model/class_names.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { type ImageReader, openImageReader } from "../pictures/image_reader.ts";
import { type LabelDatabase, openLabelDatabase } from "../query/database.ts";
import { checkOutput, findQueryFiles, type QueryFiles } from "../query/query_files.ts";
import { shellWord } from "../command/shell_word.ts";
import { augmentationOf } from "../training/batch.ts";
import { resolveSettings } from "../training/settings.ts";
import { type BoxedImages, findBoxedImages } from "./boxed_images.ts";
import type { ReportContent } from "./content.ts";
import { folderFacts, isFolder } from "./facts.ts";
import { CANDIDATES, chooseImages, type GalleryOptions, makeGallery } from "./gallery.ts";
import { type LabelFindings, readFindings } from "./findings.ts";
import { reportPage } from "./report_page.ts";
import { type Picture, type PictureMaker, pictureMaker } from "./pictures.ts";
import { closing } from "../../formats/base/closing.ts";

/** What is asked for. */
export interface ReportRequest {
  /** Label maps: a folder, a file or a pattern. */
  readonly labels: string;
  /** The images that were relabelled. */
  readonly images: string;
  /** The file to write; default `report.html` in the folder, or beside the file. */
  readonly out?: string;
  /** A table of boxes. */
  readonly boxes?: string;
  /** The least score of a class that an image carries. */
  readonly threshold: number;
  /** Other images are drawn, and other crops, for each integer. */
  readonly seed: number;
  /** Told what is done. */
  readonly onProgress?: (line: string) => void;
  /** Ends it before the page is written. */
  readonly signal?: AbortSignal;
}

/** A report that was written. */
export interface WrittenReport {
  readonly path: string;
  readonly bytes: number;
  /** Images that label maps were found of, and of these, those shown and those shown without a picture. */
  readonly images: number;
  readonly shown: number;
  readonly missing: number;
}

/** Rows of the lists. */
const LIMITS = { suspicious: 20, pairs: 15, classes: 30, severalClasses: CANDIDATES };

/** Pixels of the longer side of a thumbnail; it is shown at half of it, and at all of it on dense screens. */
const THUMBNAIL = 144;

/**
 * Writes a report.
 *
 * @param request What is asked for.
 * @returns What was written.
 * @throws {Error} If label maps, boxes or images cannot be found or read, the images are of another data set, or the file
 * cannot be written, or the signal is aborted.
 */
export async function writeReport(request: ReportRequest): Promise<WrittenReport> {
  const { labels, images, threshold, seed, signal } = request;
  const onProgress = (line: string) => {
    signal?.throwIfAborted();
    request.onProgress?.(line);
  };
  const files = findQueryFiles(labels);
  const path = reportPath(request, files);
  if (isFolder(path)) throw new TypeError(`Cannot write "${path}": it is a folder, name a file`);
  checkOutput(path, files.files);
  using reader = closing(await openImageReader(images));
  using labelMaps = closing(await openLabelMaps(labels));
  const classOfBox = classFinder(labelMaps.classes, labelMaps.metadata.classes);
  const boxes = request.boxes === undefined ? undefined : await openBoxes(request.boxes, classOfBox);
  onProgress("Counting");
  using database = closing(await openLabelDatabase(files, labels, { signal }));
  const findings = await readFindings(database, { threshold, seed, limits: LIMITS });
  onProgress("Choosing images");
  const suspicious = findings.suspicious.map(({ key }) => key);
  const chosen = await chooseImages(labelMaps, { several: findings.severalClasses, suspicious }, seed);
  await checkImages(reader, labelMaps, chosen.map(({ index }) => index), request);

  const pictures = pictureMaker(reader, { exifOrientation: isTurned(labelMaps.metadata) });
  const total = chosen.length + suspicious.length;
  const onPicture = (done: number) => onProgress(`${formatCount(done)}/${formatNumberOf(total, "picture")}`);
  const names = labelNames(labelMaps);
  const classOfLabel = await labelClasses(database);
  const crops = trainingCrops(request);
  const gallery = await makeGallery(labelMaps, chosen, pictures, {
    classOfLabel,
    ...crops,
    onImage: onPicture,
  });
  const thumbnails = await makeThumbnails(findings, pictures, (done) => onPicture(chosen.length + done));
  const content: ReportContent = {
    facts: await folderFacts(labels, files.files, labelMaps.metadata),
    findings,
    thumbnails,
    gallery,
    seed,
    ...names,
    boxes: boxes && await measureBoxes(
      await findBoxedImages(labelMaps, database, { boxes, table: request.boxes!, classOfLabel }),
      crops,
    ),
  };
  onProgress("Writing");
  const page = reportPage(content);
  replaceFile(path, page);
  const all = [...gallery.map(({ picture }) => picture), ...thumbnails.values()];
  return {
    path,
    bytes: new TextEncoder().encode(page).length,
    images: findings.images,
    shown: all.length,
    missing: all.filter((picture) => "reason" in picture).length,
  };
}

function reportPath({ labels, out }: ReportRequest, { files }: QueryFiles): string {
  if (out !== undefined) return out;
  return join(isFolder(labels) ? labels : dirname(files[0]), "report.html");
}

/** Refuses images that are not those that the label maps were made of: of some rows not one is there. */
async function checkImages(
  reader: ImageReader,
  labelMaps: LabelMaps,
  chosen: readonly number[],
  { labels, images }: ReportRequest,
): Promise<void> {
  if (labelMaps.length === 0) return;
  for (const index of [0, ...chosen]) {
    try {
      await reader.read((await labelMaps.get(index)).key);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return;
    }
  }
  const { key } = await labelMaps.get(0);
  throw new Deno.errors.NotFound(
    `Cannot find the images of "${labels}" in "${images}": there is no "${key}", name what was relabelled: ` +
      `${calledAs("report")} ${shellWord(labels)} IMAGES`,
  );
}

async function makeThumbnails(
  { suspicious }: LabelFindings,
  pictures: PictureMaker,
  onPicture: (done: number) => void,
): Promise<Map<string, Picture>> {
  const thumbnails = new Map<string, Picture>();
  for (const { key } of suspicious) {
    if (!thumbnails.has(key)) thumbnails.set(key, await pictures.of(key, THUMBNAIL));
    onPicture(thumbnails.size);
  }
  return thumbnails;
}

function labelNames({ classes, dataSetClasses }: LabelMaps): Pick<ReportContent, "className" | "labelName"> {
  const nameOfClass = (index: number) => className(classes, index);
  return {
    className: nameOfClass,
    // Without names of its own the data set is taken to number its classes as the annotator does.
    labelName: (label) => dataSetClasses ? className(dataSetClasses, label) : nameOfClass(label),
  };
}

/** The annotator's class of each label. */
async function labelClasses(database: LabelDatabase): Promise<(label: number) => number | null> {
  const rows = await database.rows("SELECT label, class FROM label_classes WHERE class IS NOT NULL");
  const classes = new Map(rows.map((row) => [row.label as number, row.class as number]));
  return (label) => classes.get(label) ?? null;
}

/** How crops are drawn and their labels pooled. */
type CropOptions = Pick<GalleryOptions, "settings" | "pooling" | "seed">;

/** Crops as `deno task train` draws them by default. */
function trainingCrops({ images, labels, seed }: ReportRequest): CropOptions {
  const options = resolveSettings({ images, maps: labels, seed });
  const { mode, missing, temperature } = options;
  return { settings: augmentationOf(options), pooling: { mode, missing, temperature }, seed };
}

async function measureBoxes(
  { count, measured, read }: BoxedImages,
  crops: CropOptions,
): Promise<ReportContent["boxes"]> {
  return { crops: await measureCrops(read(), crops), images: count, measured };
}
