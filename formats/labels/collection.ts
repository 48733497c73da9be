/**
 * All label maps of a folder as one sequence.
 *
 * @module
 */

import { join } from "@std/path";
import { readManifests } from "./manifest.ts";
import { type LabelMapReader, openLabelMapFile } from "./reader.ts";

/**
 * Opens label maps for reading: one file, or the finished parts of a folder in order.
 *
 * @param path A Parquet file, or a folder with one or more manifests.
 * @returns The reader; of a folder, one file is open at a time. Call `close` when done.
 * @throws {Deno.errors.NotFound} If there is no such file or folder, or no manifest or finished part in the folder.
 * @throws {TypeError | RangeError} If a file or manifest is not valid; that of a later part shows when it is reached.
 */
export async function openLabelMaps(path: string): Promise<LabelMapReader> {
  if (!isFolder(path)) return await openLabelMapFile(path);
  const subject = `Cannot read label maps from "${path}"`;
  const parts = readManifests(path).flatMap(({ parts }) => parts).sort((a, b) => a.part - b.part);
  if (parts.length === 0) throw new Deno.errors.NotFound(`${subject}: no part is finished yet`);
  const ends: number[] = [];
  for (const { rows } of parts) ends.push((ends.at(-1) ?? 0) + rows);
  const length = ends.at(-1)!;
  let position = 0;
  let file = await openPart(0);

  async function openPart(at: number): Promise<LabelMapReader> {
    const { file: name, rows } = parts[at];
    const opened = await openLabelMapFile(join(path, name));
    if (opened.length === rows) return opened;
    opened.close();
    throw new TypeError(`${subject}: "${name}" has ${opened.length} rows, its manifest says ${rows}`);
  }

  async function row(index: number) {
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      throw new RangeError(`${subject}: row ${index} is not among its ${length}`);
    }
    const wanted = ends.findIndex((end) => index < end);
    if (wanted !== position) {
      const next = await openPart(wanted);
      file.close();
      file = next;
      position = wanted;
    }
    return await file.row(index - (ends[position] - file.length));
  }

  return {
    path,
    metadata: file.metadata,
    length,
    row,
    async *rows() {
      for (let index = 0; index < length; index++) yield await row(index);
    },
    close: () => file.close(),
  };
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
