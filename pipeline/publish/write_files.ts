/**
 * Published files on disk.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { createWholeFile, makeFolder, namesIn } from "../../formats/base/files.ts";
import { type PiecedFile, readPieces } from "../../formats/base/pieced_file.ts";

/** The file without which a folder is none that was written here. */
const CARD = "README.md";

/**
 * Writes files into a folder, each whole or not at all.
 *
 * @param folder The folder; it is made, or its files of these names are replaced.
 * @param files The files.
 * @param options Whom to tell of bytes that were written, and what ends it.
 * @throws {Deno.errors.AlreadyExists} If the folder holds what none of these files is.
 * @throws {Error} If the disk is full, or a file cannot be read or written.
 */
export async function writeFiles(
  folder: string,
  files: readonly PiecedFile[],
  { onProgress, signal }: {
    readonly onProgress?: (progress: { file: string; received: number; total: number }) => void;
    readonly signal?: AbortSignal;
  } = {},
): Promise<void> {
  const subject = `Cannot publish to "${folder}"`;
  makeFolder(folder, subject);
  checkFolder(folder, files, subject);
  // The card comes last: a folder that has one is whole.
  for (const file of files.toSorted((a, b) => Number(a.name === CARD) - Number(b.name === CARD))) {
    const path = join(folder, file.name);
    makeFolder(dirname(path), subject);
    using written = createWholeFile(path, `Cannot write "${path}"`);
    let received = 0;
    for await (const block of readPieces(file)) {
      signal?.throwIfAborted();
      written.write([block]);
      received += block.length;
      onProgress?.({ file: file.name, received, total: file.size });
    }
    written.finish();
  }
}

/** Refuses a folder with other files: they would be taken for published ones. */
function checkFolder(folder: string, files: readonly PiecedFile[], subject: string): void {
  const known = new Set(files.flatMap(({ name }) => [name, `${name}.partial`]));
  const foldersOf = new Set(files.map(({ name }) => dirname(name)).filter((name) => name !== "."));
  const found = [
    ...namesIn(folder, subject).filter((name) => !foldersOf.has(name)),
    ...[...foldersOf].flatMap((name) => {
      if (!namesIn(folder, subject).includes(name)) return [];
      return namesIn(join(folder, name), subject).map((file) => `${name}/${file}`);
    }),
  ];
  const foreign = found.find((name) => !known.has(name) && name !== ".git" && name !== ".gitattributes");
  if (foreign !== undefined) {
    throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}", which is not to be published`);
  }
}
