/**
 * From label maps to label maps: another container, another type of scores, fewer ranks.
 *
 * @module
 */

import {
  type ClassNames,
  type Container,
  dequantise,
  type LabelMapConfiguration,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMaps,
  type LabelMapType,
  openLabelMapFolder,
  quantiseMap,
} from "../formats/labels/mod.ts";
import { fillFolder, type Filling, type FillResult, type Span, type WriteProgress } from "./fill_folder.ts";
import { engineVersion } from "./version.ts";

/** What to change. */
export interface LabelMapOptions {
  readonly container: Container;
  /** Default that of the input. */
  readonly dtype?: LabelMapType;
  /** Default all ranks. */
  readonly topK?: number;
  readonly classes?: ClassNames;
  readonly dataSetClasses?: ClassNames;
  readonly rowsPerFile: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WriteProgress) => void;
}

/**
 * Converts label maps. The image-level classes stay those of the whole map.
 *
 * @param labelMaps The input, which stays open.
 * @param output The folder; it is made, or gone on with.
 * @param options How.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration, or the input is damaged.
 * @throws {RangeError} If there are fewer ranks than are wanted.
 */
export async function convertLabelMaps(
  labelMaps: LabelMaps,
  output: string,
  options: LabelMapOptions,
): Promise<FillResult> {
  const { metadata: before, length: images } = labelMaps;
  const { container, rowsPerFile, topK = before.k, dtype = before.dtype } = options;
  if (topK > before.k) {
    throw new RangeError(`Cannot keep the ${topK} best classes of each cell: "${labelMaps.path}" has ${before.k}`);
  }
  const metadata: LabelMapMetadata = { ...before, k: topK, dtype };
  const length = topK * before.grid[0] * before.grid[1];
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
  const folder = openLabelMapFolder(output, configuration, options);

  async function* produce(spans: readonly Span[]): AsyncGenerator<Filling<LabelMapRow>> {
    for (const { start, end } of spans) {
      for (let index = start; index < end; index++) {
        const row = await labelMaps.get(index);
        yield { index, key: row.key, row: convert(row) };
      }
    }
  }

  try {
    return await fillFolder(folder, { ...options, images }, produce);
  } finally {
    folder.close();
  }
}
