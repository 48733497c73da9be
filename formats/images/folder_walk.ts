/**
 * The files below a folder in natural order, one directory at a time.
 *
 * Entries of a directory are sorted together, files and folders. Hidden ones are passed over, which is told; links are followed, except
 * one that leads back to a folder above it.
 *
 * @module
 */

import { fileError } from "../base/files.ts";
import { isSystemFolder } from "./image_names.ts";
import { compareNatural } from "../base/natural_sort.ts";
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
 * @throws {Error} If a folder cannot be listed; of the class that the system's error has.
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
  /** Whether a file counts, by its name and perhaps its bytes. */
  readonly isWanted: (name: string, path: string) => boolean | Promise<boolean>;
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
 * @returns The directory's entries.
 * @throws {Error} If it cannot be listed; of the class that the system's error has.
 */
export async function listDirectory(
  directory: string,
  ancestors: readonly string[],
  { isWanted, onPassedOver }: WalkOptions,
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  const passedOver: (readonly [what: string, name: string])[] = [];
  const undecided: { name: string; path: string; isWanted: Promise<boolean> }[] = [];
  const decide = async () => {
    for (const { name, path, isWanted } of undecided.splice(0)) {
      if (await isWanted) entries.push({ name, path, directory: null });
      else passedOver.push([extensionOf(name), name]);
    }
  };
  try {
    for await (const entry of Deno.readDir(directory)) {
      const { name } = entry;
      const path = `${directory === "/" ? "" : directory}/${name}`;
      const reason = name.startsWith(".")
        ? "hidden"
        : entry.isDirectory && isSystemFolder(name)
        ? "of the operating system"
        : name.includes("\ufffd") && await isMisread(path)
        ? "whose name is not UTF-8"
        : undefined;
      if (reason !== undefined) {
        passedOver.push([reason, name]);
        continue;
      }
      const target = entry.isSymlink ? await followLink(path) : entry;
      if (target.isDirectory) {
        const real = entry.isSymlink ? await Deno.realPath(path) : `${ancestors[ancestors.length - 1]}/${name}`;
        if (!ancestors.includes(real)) entries.push({ name, path, directory: real });
        else passedOver.push(["linked to a folder above", name]);
      } else if (!target.isFile) passedOver.push(["of type device, socket or pipe", name]);
      else {
        const verdict = isWanted(name, path);
        if (verdict === true) entries.push({ name, path, directory: null });
        else if (verdict === false) passedOver.push([extensionOf(name), name]);
        else {
          undecided.push({ name, path, isWanted: verdict });
          if (undecided.length === MOST_OPEN) await decide();
        }
      }
    }
    await decide();
  } catch (error) {
    throw fileError(`Cannot list folder "${directory}"`, error);
  }
  // In an order that is not the file system's, so that the first of a kind is always the same.
  if (onPassedOver) {
    for (const [what, name] of passedOver.sort((a, b) => compareNatural(a[1], b[1]))) onPassedOver(what, name);
  }
  return entries.sort((a, b) => compareNatural(a.name, b.name));
}

/** Files that are looked into at a time. */
const MOST_OPEN = 32;

/** Whether a name is not the file's own: bytes that are not UTF-8 were replaced when it was read. */
async function isMisread(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** What a link leads to; one that leads nowhere or round in a circle counts as a file, which is then rejected by name. */
async function followLink(path: string): Promise<{ isFile: boolean; isDirectory: boolean }> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.FilesystemLoop) {
      return { isFile: true, isDirectory: false };
    }
    throw error;
  }
}
