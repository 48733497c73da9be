/**
 * What an explorer shows: label maps, perhaps a second folder of them, and their images.
 *
 * @module
 */

import {
  type FolderClasses,
  type LabelMaps,
  mapFormat,
  openLabelMaps,
  scoreClasses,
} from "../../formats/labels/mod.ts";
import { className } from "../model/class_names.ts";
import { formatCount } from "../command/numbers.ts";
import { type ImageReader, openImageReader } from "../pictures/image_reader.ts";
import { type LabelDatabase, openLabelDatabase } from "../query/database.ts";
import { checkOutput, findQueryFiles } from "../query/query_files.ts";
import { labelCoverage, whyNoneIsKnown } from "../query/reports.ts";
import { readParquet } from "../query/sql_text.ts";
import type { Folders, Row, Rows } from "./answers.ts";
import type { ImageFilter, RowRange } from "./filter.ts";
import { type FolderNumber, type ImageIndex, indexImages } from "./image_index.ts";
import { RequestError } from "./request_error.ts";
import { checkSelectionPath } from "./selection.ts";
import { closing } from "../../formats/base/closing.ts";
import { keepLatest } from "../../formats/base/keep_latest.ts";

/** Paths of everything that is shown or written. */
export interface ExplorerPaths {
  readonly labels: string;
  readonly images: string;
  /** Label maps of the same images to compare with. */
  readonly compare?: string;
  /** The file that keys go to. */
  readonly selection: string;
}

/** Open folders. */
export interface Explorer {
  readonly paths: ExplorerPaths;
  /** One or two. */
  readonly folders: readonly LabelMaps[];
  readonly index: ImageIndex;
  readonly images: ImageReader;
  /** What the page is told of the folders. */
  readonly description: Folders;
  /** Why no label can be compared with the annotator's classes, if there are labels and none can be. */
  readonly unknownLabels?: string;
  /** How many images of the first folder the second one has too, if there is one. */
  readonly imagesInBoth?: number;
  /**
   * A part of what a filter lets through.
   *
   * @throws {RequestError} If the filter's condition is wrong.
   */
  rows(filter: ImageFilter, range: RowRange, signal: AbortSignal): Promise<Rows>;
  /**
   * The row of a key.
   *
   * @throws {RequestError} If the folder has none.
   */
  rowOf(folder: FolderNumber, key: string): Promise<number>;
  /** Interrupts what is running and closes everything. */
  close(): Promise<void>;
}

/** Bytes of decoded pages that are kept. */
const CACHE_BYTES = 16 * 2 ** 20;

/** Classes that are said of an image. */
const BEST_CLASSES = 5;

/** Keys whose rows are remembered: those of the pages that were shown last. */
const KEPT_KEYS = 4096;

/**
 * Opens folders. The table that filters need is made in the background.
 *
 * @param paths Paths of label maps, images and selection.
 * @returns The explorer; close it when done.
 * @throws {Deno.errors.NotFound} If a folder is not there.
 * @throws {TypeError} If it holds something else, or the second one is of other classes or other images.
 */
export async function openExplorer(paths: ExplorerPaths): Promise<Explorer> {
  checkSelectionPath(paths.selection);
  using opened = new DisposableStack();
  const images = opened.use(closing(await openImageReader(paths.images)));
  const files = findQueryFiles(paths.labels);
  const otherFiles = paths.compare === undefined ? undefined : findQueryFiles(paths.compare).files;
  checkOutput(paths.selection, [...files.files, ...otherFiles ?? []]);
  const folders: LabelMaps[] = [];
  // Ends what the database's own connection runs: the scores of all images.
  const ending = new AbortController();
  for (const path of [paths.labels, paths.compare]) {
    if (path === undefined) continue;
    folders.push(opened.use(closing(await openLabelMaps(path, { cacheBytes: CACHE_BYTES }))));
  }
  checkComparable(folders);
  const options = { otherFiles, keepFiles: false, signal: ending.signal };
  const database = opened.use(closing(await openLabelDatabase(files, paths.labels, options)));
  const imagesInBoth = otherFiles && await countInBoth(database, folders, [files.files, otherFiles]);
  const coverage = await labelCoverage(database);
  const unknownLabels = coverage.labelled > 0 ? await whyNoneIsKnown(database, coverage) : undefined;
  await database.rows("CREATE TABLE explored_label_classes AS FROM label_classes");
  const stands = await database.rows("SELECT class FROM explored_label_classes ORDER BY label");
  const labelClasses = stands.map((row) => row.class as number | null);
  const index = indexImages(database, files.files, folders[0].length, otherFiles);
  const description = describe(paths, folders, labelClasses, files);
  const all = opened.move();
  return explorerOf({ paths, folders, index, images, description, unknownLabels, imagesInBoth }, async () => {
    ending.abort();
    await index.close();
    all.dispose();
  });
}

function explorerOf(opened: Omit<Explorer, "rows" | "rowOf" | "close">, close: Explorer["close"]): Explorer {
  const { folders: [labelMaps], folders, index, description: { labelClasses } } = opened;
  const shown = new Map<string, number>();

  return {
    ...opened,
    async rows(filter, { offset, limit }, signal) {
      const found = await index.find(filter, signal);
      const rows: Row[] = [];
      for (let position = offset; position < Math.min(offset + limit, found.length); position++) {
        const row = found.at(position);
        const { key, label, width, height, ...map } = await labelMaps.get(row);
        const scored = scoreClasses(map, labelMaps.metadata);
        const own = label === null ? null : labelClasses[label] ?? null;
        const selfConfidence = own === null ? null : scored.find((one) => one.class === own)?.score ?? 0;
        rows.push({ row, key, label, width, height, best: scored.slice(0, BEST_CLASSES), selfConfidence });
        keepLatest(shown, key, row, KEPT_KEYS);
      }
      return { total: found.length, rows };
    },
    async rowOf(folder, key) {
      const known = folder === 0 ? shown.get(key) : undefined;
      const row = known ?? await index.rowOf(folder, key);
      if (row === undefined) {
        throw new RequestError(404, `"${folders[folder].path}" has no label map of ${JSON.stringify(key)}`);
      }
      if (folder === 0) keepLatest(shown, key, row, KEPT_KEYS);
      return row;
    },
    close,
  };
}

/** Refuses to compare maps whose numbers stand for other classes. */
function checkComparable([first, second]: readonly LabelMaps[]): void {
  if (!second) return;
  const subject = `Cannot compare "${first.path}" with "${second.path}"`;
  const [one, other] = [first.metadata.classes, second.metadata.classes];
  if (one !== other) {
    throw new TypeError(
      `${subject}: their annotators tell ${formatCount(one)} and ${formatCount(other)} classes apart`,
    );
  }
  const differing = first.classes?.name.findIndex((name, index) =>
    second.classes && name !== second.classes.name[index]
  );
  if (differing !== undefined && differing >= 0) {
    const names = [first, second].map(({ classes }) => JSON.stringify(classes!.name[differing]));
    throw new TypeError(`${subject}: class ${differing} is ${names.join(" and ")}`);
  }
}

/** Counts the images of two folders that both have, and refuses to compare folders of other images. */
async function countInBoth(
  database: LabelDatabase,
  folders: readonly LabelMaps[],
  files: readonly (readonly string[])[],
): Promise<number> {
  const [first, second] = files.map((files) => `(SELECT key FROM ${readParquet(files)})`);
  const [{ common }] = await database.rows(`SELECT count(*) AS common FROM ${first} SEMI JOIN ${second} USING (key)`);
  if (common === 0 && folders.every(({ length }) => length > 0)) {
    const keys = await Promise.all(folders.map(async (folder) => JSON.stringify((await folder.get(0)).key)));
    const [one, other] = folders.map(({ path }) => path);
    throw new TypeError(
      `Cannot compare "${one}" with "${other}": they have no key in common, their first ones are ${keys.join(" and ")}`,
    );
  }
  return common as number;
}

function describe(
  { images, selection }: ExplorerPaths,
  folders: readonly LabelMaps[],
  labelClasses: readonly (number | null)[],
  { classes, dataSetClasses }: FolderClasses,
): Folders {
  return {
    folders: folders.map(({ path, length, metadata }) => ({
      path,
      annotator: { name: metadata.annotator.name, inputSize: metadata.annotator.inputSize },
      ...mapFormat(metadata),
      rows: length,
    })),
    images,
    classNames: Array.from(
      { length: folders[0].metadata.classes },
      (_, index) => classes?.name[index] || className(classes, index),
    ),
    labelNames: dataSetClasses?.name ?? null,
    labelClasses,
    selection,
  };
}
