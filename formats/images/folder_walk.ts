/**
 * The files below a folder in natural order, one directory at a time.
 *
 * Entries of a directory are sorted together, files and folders. Hidden ones are passed over; links are followed, except
 * one that leads back to a folder above it.
 *
 * @module
 */

import { compareNatural } from "./natural_sort.ts";

/** A file below a folder. */
export interface FolderFile {
  readonly path: string;
  /** Path under the folder, `/`-separated. */
  readonly key: string;
}

/**
 * The files below a directory, depth first, in order.
 *
 * @param directory The directory.
 * @param key What their keys begin with, empty at the root.
 * @param ancestors The real paths from the root to the directory.
 * @param isWanted Whether a file of that name counts.
 * @returns The files.
 * @throws {Deno.errors.PermissionDenied} If a folder cannot be listed.
 */
export async function* walkFolder(
  directory: string,
  key: string,
  ancestors: readonly string[],
  isWanted: (name: string) => boolean,
): AsyncGenerator<FolderFile> {
  for (const entry of await listDirectory(directory, ancestors, isWanted)) {
    const entryKey = key === "" ? entry.name : `${key}/${entry.name}`;
    if (entry.directory) yield* walkFolder(entry.path, entryKey, [...ancestors, entry.directory], isWanted);
    else yield { path: entry.path, key: entryKey };
  }
}

/** An entry of a directory. */
export interface FolderEntry {
  readonly name: string;
  readonly path: string;
  /** The real path of a directory, null for a file. */
  readonly directory: string | null;
}

/**
 * The directories and wanted files directly in a directory, in natural order.
 *
 * @param directory The directory.
 * @param ancestors The real paths from the root to it.
 * @param isWanted Whether a file of that name counts.
 * @returns Its entries.
 * @throws {Deno.errors.PermissionDenied} If it cannot be listed.
 */
export async function listDirectory(
  directory: string,
  ancestors: readonly string[],
  isWanted: (name: string) => boolean,
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      const { name } = entry;
      if (name.startsWith(".")) continue;
      const path = `${directory === "/" ? "" : directory}/${name}`;
      const target = entry.isSymlink ? await followLink(path) : entry;
      if (target.isDirectory) {
        const real = entry.isSymlink ? await Deno.realPath(path) : `${ancestors[ancestors.length - 1]}/${name}`;
        if (!ancestors.includes(real)) entries.push({ name, path, directory: real });
      } else if (target.isFile && isWanted(name)) {
        entries.push({ name, path, directory: null });
      }
    }
  } catch (error) {
    throw new Deno.errors.PermissionDenied(`Cannot list folder "${directory}": ${(error as Error).message}`);
  }
  return entries.sort((a, b) => compareNatural(a.name, b.name));
}

/** What a link leads to; one that leads nowhere counts as a file, which is then rejected by name. */
async function followLink(path: string): Promise<{ isFile: boolean; isDirectory: boolean }> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { isFile: true, isDirectory: false };
    throw error;
  }
}
