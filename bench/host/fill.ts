/**
 * Label maps of images that are decoded already, as `deno task relabel` writes them.
 *
 * @module
 */

import { join } from "@std/path";
import type { DecodedImage, DecodePool, StoredImage } from "../../formats/images/mod.ts";
import {
  createLabelMapFile,
  type FinishedPart,
  type LabelMapMetadata,
  type LabelMapRow,
  openLabelMapFolder,
} from "../../formats/labels/mod.ts";
import type { PackedLabelMap } from "../../kernels/programs/annotator.ts";
import { DEFAULT_ROWS_PER_FILE, fillFolder } from "../../pipeline/label_folder/fill_folder.ts";
import type { Span } from "../../pipeline/label_folder/spans.ts";
import { labelImages } from "../../pipeline/model/label_images.ts";
import type { LoadedAnnotator } from "../../pipeline/model/load_annotator.ts";

/** Images, and the label maps that are written for them, one after the other and over again. */
export interface Labelled {
  readonly pixels: readonly DecodedImage[];
  readonly maps: readonly PackedLabelMap[];
}

/**
 * Writes a folder, which is removed again.
 *
 * @param annotator On a device that computes nothing.
 * @param options How many images, and of what.
 * @returns The folder's parts.
 */
export async function fillOnce(
  annotator: LoadedAnnotator,
  { images, pixels, maps }: Labelled & { images: number },
): Promise<readonly FinishedPart[]> {
  const path = Deno.makeTempDirSync({ prefix: "labels-" });
  const folder = openLabelMapFolder(path, {
    metadata: annotator.metadata,
    rowsPerFile: DEFAULT_ROWS_PER_FILE,
    source: { images, firstKey: keyOf(0), lastKey: keyOf(images - 1) },
    engine: { version: "bench", adapter: "bench", profile: "gpu", storage: "f32" },
  });
  const pool: Pick<DecodePool, "hold"> = {
    hold: ({ index }) => Promise.resolve({ decoded: pixels[index % pixels.length], letGo() {} }),
  };
  const options = { pool: pool as DecodePool, workers: 1, times: { decode: 0, annotate: 0 } };
  try {
    const { manifest } = await fillFolder(folder, { images, rowsPerFile: DEFAULT_ROWS_PER_FILE }, {
      async *list(span) {
        for (const { key, label } of storedImages([span])) yield { key, label, bytes: 0, path: key };
      },
      fill: (spans) => labelImages(asIterable(storedImages(spans)), withMaps(annotator, maps), options),
    });
    return manifest.parts;
  } finally {
    folder.close();
    Deno.removeSync(path, { recursive: true });
  }
}

/** An annotator whose results are read and unpacked, and given as others. */
function withMaps(annotator: LoadedAnnotator, maps: readonly PackedLabelMap[]): LoadedAnnotator {
  let started = 0;
  return {
    ...annotator,
    async start(images, options) {
      const first = started;
      started += images.length;
      const read = await annotator.start(images, options);
      return async () => (await read()).map((_, index) => maps[(first + index) % maps.length]);
    },
  };
}

function* storedImages(spans: readonly Span[]): Generator<StoredImage> {
  for (const { start, end } of spans) {
    for (let index = start; index < end; index++) {
      yield { index, key: keyOf(index), label: index % 1000, bytes: { path: keyOf(index) } };
    }
  }
}

async function* asIterable<Value>(values: Iterable<Value>): AsyncGenerator<Value> {
  yield* values;
}

function keyOf(index: number): string {
  return `n${String(index % 1000).padStart(8, "0")}/image_${index}.JPEG`;
}

/**
 * The rows of the first images.
 *
 * @param count How many.
 * @param labelled Their pixels and maps.
 * @returns What a part holds.
 */
export function rowsOf(count: number, { pixels, maps }: Labelled): LabelMapRow[] {
  return storedImages([{ start: 0, end: count }]).map(({ index, key, label }): LabelMapRow => {
    const { width, height } = pixels[index % pixels.length];
    return { key, label, width, height, ...maps[index % maps.length] };
  }).toArray();
}

/**
 * Writes the rows of a folder's first part by themselves.
 *
 * @param part The part.
 * @param metadata The folder's.
 * @param labelled What its rows are of.
 * @throws {Error} If it has other bytes.
 */
export function checkPart({ rows, sha256 }: FinishedPart, metadata: LabelMapMetadata, labelled: Labelled): void {
  const folder = Deno.makeTempDirSync({ prefix: "labels-" });
  const writer = createLabelMapFile(join(folder, "part.parquet"), metadata);
  for (const row of rowsOf(rows, labelled)) writer.append(row);
  const expected = writer.finish();
  Deno.removeSync(folder, { recursive: true });
  if (sha256 !== expected.sha256) throw new Error(`The folder's first part is ${sha256}, expected ${expected.sha256}`);
}
