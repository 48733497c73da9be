/**
 * From label maps to label maps: another container, another type of scores, fewer ranks.
 *
 * @module
 */

import {
  type Container,
  dequantise,
  type FolderClasses,
  type LabelMapConfiguration,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMaps,
  type LabelMapType,
  openLabelMapFolder,
  quantiseMap,
} from "../../formats/labels/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { isSystemError } from "../../formats/base/files.ts";
import { fillFolder, type FillResult } from "../label_folder/fill_folder.ts";
import type { Filling } from "../label_folder/part_folder.ts";
import type { Span } from "../label_folder/spans.ts";
import { listRows } from "../label_folder/listed_images.ts";
import type { ConversionOptions } from "./fill_from_published.ts";
import { engineVersion } from "../command/version.ts";

/** How the output differs from the input. */
export interface LabelMapOptions extends ConversionOptions, FolderClasses {
  readonly container: Container;
  /** Default that of the input. */
  readonly dtype?: LabelMapType;
  /** Classes kept in each cell; default all. */
  readonly k?: number;
}

/**
 * Converts label maps. The image-level classes stay those of the whole map. A row that cannot be read is rejected.
 *
 * @param labelMaps The input, which stays open.
 * @param output The folder; it is made, or gone on with.
 * @param options What the output holds, and whom to tell.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration or of other rows, or keys cannot be read.
 * @throws {RangeError} If there are fewer ranks than are wanted.
 */
export async function convertLabelMaps(
  labelMaps: LabelMaps,
  output: string,
  options: LabelMapOptions,
): Promise<FillResult> {
  const { metadata: before, length: images } = labelMaps;
  const { container, rowsPerFile, k = before.k, dtype = before.dtype } = options;
  if (k > before.k) {
    throw new RangeError(`Cannot keep the ${k} best classes of each cell: "${labelMaps.path}" has ${before.k}`);
  }
  if (before.scores === "sigmoid" && before.floor === undefined && k < before.k) {
    throw new TypeError(
      `Cannot keep the ${k} best classes of each cell: "${labelMaps.path}" has all classes, and does not say what logit ` +
        "others are to have; annotate with that --top-k",
    );
  }
  const metadata: LabelMapMetadata = { ...before, k, dtype };
  const length = k * before.grid[0] * before.grid[1];
  const refuse = options.strict ? ({ reason }: { reason: string }) => new Error(reason) : undefined;
  const convert = (row: LabelMapRow): LabelMapRow => {
    const [classes, stored] = [row.class.subarray(0, length), row.score.subarray(0, length)];
    if (dtype === before.dtype) return { ...row, class: classes, score: stored };
    const score = quantiseMap({ class: classes, logits: dequantise(stored, before.dtype) }, metadata);
    return { ...row, class: classes, score };
  };
  const keyAt = async (index: number) => images === 0 ? null : (await labelMaps.get(index)).key;
  const configuration: LabelMapConfiguration = {
    metadata,
    rowsPerFile,
    ...(container === "parquet" ? {} : { container }),
    source: { images, dtype: before.dtype, k: before.k, firstKey: await keyAt(0), lastKey: await keyAt(images - 1) },
    engine: { version: engineVersion },
  };
  using folder = closing(openLabelMapFolder(output, configuration, options));

  async function* fill(spans: readonly Span[]): AsyncGenerator<Filling<LabelMapRow>> {
    for (const { start, end } of spans) {
      let index = start;
      for await (const { key } of labelMaps.list({ start, end })) yield await filling(index++, key);
    }
  }

  async function filling(index: number, key: string): Promise<Filling<LabelMapRow>> {
    try {
      return { index, key, row: convert(await labelMaps.get(index)) };
    } catch (error) {
      if (isSystemError(error)) throw error;
      return { index, key, reason: (error as Error).message };
    }
  }

  return await fillFolder(folder, { ...options, images, refuse }, {
    list: (span) => listRows(labelMaps, span),
    fill,
  });
}
