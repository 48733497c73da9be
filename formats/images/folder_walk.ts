/**
 * The files below a folder in natural order, one directory at a time.
 *
 * Entries of a directory are sorted together, files and folders. Hidden ones are passed over, which is told; links are followed, except
 * one that leads back to a folder above it.
 *
 * @module
 */

import { compareNatural } from "./natural_sort.ts";
import { extensionOf } from "./survey.ts";

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
 * @param options Which files count, and who is told of the others.
 * @returns The files.
 * @throws {Deno.errors.PermissionDenied} If a folder cannot be listed.
 */
export async function* walkFolder(
  directory: string,
  key: string,
  ancestors: readonly string[],
  options: WalkOptions,
): AsyncGenerator<FolderFile> {
  const prefix = key === "" ? "" : `${key}/`;
  const { isWanted, onPassedOver } = options;
  const onEntry = onPassedOver && ((what: string, name: string) => onPassedOver(what, prefix + name));
  for (const entry of await listDirectory(directory, ancestors, { isWanted, onPassedOver: onEntry })) {
    const entryKey = prefix + entry.name;
    if (entry.directory) yield* walkFolder(entry.path, entryKey, [...ancestors, entry.directory], options);
    else yield { path: entry.path, key: entryKey };
  }
}

/** Which files of a folder count. */
export interface WalkOptions {
  /** Whether a file of that name counts. */
  readonly isWanted: (name: string) => boolean;
  /** Told of each entry that does not: what it is, to be read after a number of files, and its key. */
  readonly onPassedOver?: (what: string, key: string) => void;
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
 * @param options Which files count, and who is told of the names of the others.
 * @returns Its entries.
 * @throws {Deno.errors.PermissionDenied} If it cannot be listed.
 */
export async function listDirectory(
  directory: string,
  ancestors: readonly string[],
  { isWanted, onPassedOver }: WalkOptions,
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  const passedOver: (readonly [what: string, name: string])[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      const { name } = entry;
      if (name.startsWith(".")) {
        passedOver.push(["hidden", name]);
        continue;
      }
      const path = `${directory === "/" ? "" : directory}/${name}`;
      const target = entry.isSymlink ? await followLink(path) : entry;
      if (target.isDirectory) {
        const real = entry.isSymlink ? await Deno.realPath(path) : `${ancestors[ancestors.length - 1]}/${name}`;
        if (!ancestors.includes(real)) entries.push({ name, path, directory: real });
        else passedOver.push(["linked to a folder above", name]);
      } else if (!target.isFile) passedOver.push(["that are devices, sockets or pipes", name]);
      else if (isWanted(name)) entries.push({ name, path, directory: null });
      else passedOver.push([extensionOf(name), name]);
    }
  } catch (error) {
    throw new Deno.errors.PermissionDenied(`Cannot list folder "${directory}": ${(error as Error).message}`);
  }
  // In an order that is not the file system's, so that the first of a kind is always the same.
  if (onPassedOver) {
    for (const [what, name] of passedOver.sort((a, b) => compareNatural(a[1], b[1]))) onPassedOver(what, name);
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
