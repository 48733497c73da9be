/**
 * Files that are written whole or not at all, and errors that name them.
 *
 * @module
 */

import { dirname } from "@std/path";

/** What a file is called until it is whole: its name and this. */
export const PARTIAL = ".partial";

/**
 * The error of a file operation, told in this project's way and of the same class: the system's reason after a colon.
 *
 * @param subject What was being done, with the file's name: `Cannot write label map "a.parquet"`.
 * @param error What was thrown.
 * @returns The error to throw.
 */
export function fileError(subject: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(`${subject}: ${error}`);
  const reason = error.message.replace(/ \(os error \d+\).*$/s, "");
  const message = `${subject}: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
  // Its constructor takes a name where others take options.
  if (error instanceof DOMException) return new DOMException(message, error.name);
  const Kind = error.constructor as new (message: string, options: ErrorOptions) => Error;
  const { code } = error as { code?: unknown };
  return Object.assign(new Kind(message, { cause: error }), code === undefined ? {} : { code });
}

/** Whether the system could not read or write, `EIO` or `ENOTDIR`, which says nothing about what a file holds. */
export function isSystemError(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof Error && typeof code === "string" && /^E[A-Z0-9]+$/.test(code);
}

/**
 * Replaces a file's content: what is read under that name, even after a power cut, is the old content or the new one.
 *
 * @param path The file; it need not exist.
 * @param content Its new content: a text, or bytes in pieces.
 * @throws {Error} If the disk is full, or the file cannot be written for another reason; the old content is kept.
 */
export function replaceFile(path: string, content: string | Iterable<Uint8Array>): void {
  const partial = path + PARTIAL;
  const pieces = typeof content === "string" ? [new TextEncoder().encode(content)] : content;
  try {
    using file = Deno.openSync(partial, { write: true, create: true, truncate: true });
    for (const bytes of pieces) {
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    }
    file.syncSync();
    renameDurably(partial, path);
  } catch (error) {
    removeIfThere(partial);
    throw fileError(`Cannot write "${path}"`, error);
  }
}

/**
 * Waits until files that were written otherwise, and their names, are on disk; most of the wait is for the first.
 *
 * @param paths The files.
 * @param subject How the message starts.
 * @throws {Error} If one is gone, or cannot be written.
 */
export function makeDurable(paths: readonly string[], subject: string): void {
  try {
    for (const path of paths) {
      using file = Deno.openSync(path);
      file.syncSync();
    }
    new Set(paths.map((path) => dirname(path))).forEach(syncFolder);
  } catch (error) {
    throw fileError(subject, error);
  }
}

/**
 * Gives a file whose content is on disk its name, in place of a file that has it, and waits until that is on disk too.
 *
 * @param from The file.
 * @param to Its new path.
 */
export function renameDurably(from: string, to: string): void {
  Deno.renameSync(from, to);
  syncFolder(dirname(to));
}

/**
 * Makes a folder, and those above it; one that is there stays.
 *
 * @param path The folder.
 * @param subject How the message starts.
 * @throws {Error} If it cannot be made.
 */
export function makeFolder(path: string, subject: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError(subject, error);
  }
}

/** Makes new names in a folder durable. Windows does that by itself and cannot open folders. */
export function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path);
  folder.syncSync();
}

/** Removes a file; that there is none is fine. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(`Cannot remove "${path}"`, error);
  }
}

/**
 * The names of what a folder holds.
 *
 * @param path The folder.
 * @param subject How the message starts.
 * @throws {Error} If it cannot be listed.
 */
export function namesIn(path: string, subject: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch (error) {
    throw fileError(subject, error);
  }
}

/** Whether there is a file of a name. */
export function isFileThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw fileError(`Cannot look at "${path}"`, error);
  }
}

/** The text of a file. */
export function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw fileError(`Cannot read "${path}"`, error);
  }
}

/** The text of a file, or undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readText(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
