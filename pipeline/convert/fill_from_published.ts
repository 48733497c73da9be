/**
 * Filling a folder from published files, of which each makes a row.
 *
 * @module
 */

import type { PublishedFile, PublishedSource } from "../../formats/published/mod.ts";
import type { ImageFinder } from "./image_finder.ts";
import { sizeOf } from "../label_folder/listed_images.ts";
import { fillFolder, type FillOptions, type FillResult } from "../label_folder/fill_folder.ts";
import type { Filling, PartFolder } from "../label_folder/part_folder.ts";
import { closing } from "../../formats/base/closing.ts";

/** How a conversion fills its folder. */
export interface ConversionOptions extends Pick<FillOptions, "rowsPerFile" | "signal" | "onProgress"> {
  /** Whether what cannot be read or converted ends the run. */
  readonly strict: boolean;
}

/**
 * Fills what a folder lacks, and closes it.
 *
 * @param folder The open folder.
 * @param source The files.
 * @param row Makes the row of a file. What it throws is why the file has none.
 * @param options Rows per part, and whom to tell; `strict` ends the run at a file without a row; `find` finds images.
 * @returns What was done.
 * @throws {Error} If a file has no row and `strict` is set.
 */
export async function fillFromPublished<Row>(
  folder: PartFolder<Row> & { close(): void },
  source: PublishedSource,
  row: (file: PublishedFile) => Promise<Row>,
  options: ConversionOptions & { find?: ImageFinder },
): Promise<FillResult> {
  const { strict, find, ...rest } = options;
  const refuse = strict ? ({ reason }: { reason: string }) => new Error(reason) : undefined;
  using _folder = closing(folder);
  return await fillFolder(folder, { ...rest, images: source.count, refuse }, {
    async *list(span) {
      for await (const { path, stem, label, bytes } of source.list(span)) {
        yield { key: keyOf(stem), label, path, bytes: bytes ?? await sizeOf(path) };
      }
    },
    async *fill(spans) {
      for (const span of spans) {
        for await (const file of source.files(span)) yield await filling(file);
      }
    },
  });

  /** The name of an image; where there are none, or not this one, as ImageNet's are called. */
  function keyOf(stem: string): string {
    try {
      if (find) return find(stem).key;
    } catch {
      // Its row has that as its reason.
    }
    return `${stem}.JPEG`;
  }

  async function filling(file: PublishedFile): Promise<Filling<Row>> {
    const { index, stem } = file;
    const key = keyOf(stem);
    try {
      return { index, key, row: await row(file) };
    } catch (error) {
      return { index, key, reason: (error as Error).message };
    }
  }
}
