/**
 * Files that are written whole or not at all, files of JSON, and errors that name them.
 *
 * @module
 */

import { dirname } from "@std/path";
import { parseJson } from "./json.ts";

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

/**
 * Does something with files, and tells its errors as {@linkcode fileError} does.
 *
 * @param subject What is being done, with the file's name.
 * @param action What is done with them.
 * @param missing What to say if the file is not there, if that is something else than the system's words.
 * @returns What the action gives.
 * @throws {Error} If it fails.
 */
export function withSubject<Result>(subject: string, action: () => Result, missing?: string): Result {
  try {
    return action();
  } catch (error) {
    return failWith(subject, missing)(error);
  }
}

/**
 * Reads a file of JSON.
 *
 * @param path The file.
 * @param subject What is being done, for messages.
 * @returns The parsed value.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is not JSON.
 */
export async function readJsonFile(path: string, subject: string): Promise<unknown> {
  const text = await Deno.readTextFile(path).catch(failWith(subject, "there is no such file"));
  return parseJson(text, `${subject}: it is not JSON`);
}

/** Throws an error as {@linkcode withSubject} does: for the `catch` of a promise. */
export function failWith(subject: string, missing?: string): (error: unknown) => never {
  return (error) => {
    if (missing === undefined || !(error instanceof Deno.errors.NotFound)) throw fileError(subject, error);
    throw new Deno.errors.NotFound(`${subject}: ${missing}`);
  };
}

/**
 * The error of a file that does not hold what it should.
 *
 * @param path The file.
 * @param reason What is wrong with it.
 * @param cause What told of it.
 * @returns The error to throw.
 */
export function unreadable(path: string, reason: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot read "${path}": ${reason}`, cause === undefined ? {} : { cause });
}

/** Undefined if an error says that there is no such file; others are thrown again: for the `catch` of a promise. */
export function absent(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** What an action gives, or undefined if there is no such file. */
export function ifThere<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    return absent(error);
  }
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
  const pieces = typeof content === "string" ? [new TextEncoder().encode(content)] : content;
  using file = createWholeFile(path, `Cannot write "${path}"`);
  file.write(pieces);
  file.finish();
}

/**
 * Writes a file whole or not at all, without waiting for the disk: for images that are many and can be made again. A power
 * cut can leave a name without content, which {@linkcode hasContent} finds.
 *
 * @param path The file; it need not exist.
 * @param bytes What it is to hold.
 * @throws {Error} If it cannot be written; nothing is left behind.
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const partial = path + PARTIAL;
  try {
    Deno.writeFileSync(partial, bytes);
    Deno.renameSync(partial, path);
  } catch (error) {
    removeIfThere(partial);
    throw fileError(`Cannot write "${path}"`, error);
  }
}

/** Whether there is a file of a name that is not empty. */
export function hasContent(path: string): boolean {
  return withSubject(`Cannot read "${path}"`, () => ifThere(() => Deno.statSync(path).size > 0)) ?? false;
}

/** A file that is written piece by piece and has its name only when it is whole; discarded where `using` declares it. */
export interface WholeFile extends Disposable {
  /**
   * Adds bytes in pieces.
   *
   * @throws {TypeError} If it is finished or discarded.
   * @throws {Error} If the disk is full, or the file cannot be written for another reason; nothing is left behind.
   */
  write(pieces: Iterable<Uint8Array>): void;
  /** Makes it durable and gives it its name. */
  finish(): void;
  /** Removes what was written, unless it is finished. */
  discard(): void;
}

/**
 * Begins a file. It is written as `${path}.partial` and renamed when finished; a file of that name is replaced.
 *
 * @param path Path of the file.
 * @param subject How messages start: `Cannot write label map "a.parquet"`.
 * @returns The file; end with `finish` or `discard`.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 */
export function createWholeFile(path: string, subject: string): WholeFile {
  const partial = path + PARTIAL;
  const file = withSubject(subject, () => Deno.openSync(partial, { write: true, create: true, truncate: true }));
  let open = true;

  function discard(): void {
    if (!open) return;
    open = false;
    file.close();
    removeIfThere(partial);
  }

  /** Runs what touches the disk; if it fails, nothing is left behind. */
  function attempt(action: () => void): void {
    if (!open) throw new TypeError(`${subject}: it is closed`);
    try {
      action();
    } catch (error) {
      discard();
      throw fileError(subject, error);
    }
  }

  return {
    write(pieces) {
      attempt(() => {
        for (const bytes of pieces) writeAll(file, bytes);
      });
    },
    finish() {
      attempt(() => {
        file.syncSync();
        renameDurably(partial, path);
      });
      open = false;
      file.close();
    },
    discard,
    [Symbol.dispose]: discard,
  };
}

/**
 * Reads bytes from where a file stands.
 *
 * @param file The file.
 * @param bytes An array that is filled, as far as the file goes.
 * @returns The number of bytes that were there.
 */
export function readInto(file: Deno.FsFile, bytes: Uint8Array): number {
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}

/** What {@linkcode readInto} does, while others go on. */
export async function fillFrom(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return filled;
}

/** Writes all of some bytes. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

/**
 * Waits until files that were written otherwise, and their names, are on disk; most of the wait is for the first.
 *
 * @param paths The files.
 * @param subject How the message starts.
 * @throws {Error} If one is gone, or cannot be written.
 */
export function makeDurable(paths: readonly string[], subject: string): void {
  withSubject(subject, () => {
    for (const path of paths) {
      using file = Deno.openSync(path);
      file.syncSync();
    }
    new Set(paths.map((path) => dirname(path))).forEach(syncFolder);
  });
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
  withSubject(subject, () => Deno.mkdirSync(path, { recursive: true }));
}

/** Makes new names in a folder durable. Windows does that by itself and cannot open folders. */
export function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path);
  folder.syncSync();
}

/** Removes a file; that there is none is fine. */
export function removeIfThere(path: string): void {
  withSubject(`Cannot remove "${path}"`, () => ifThere(() => Deno.removeSync(path)));
}

/**
 * The names of what a folder holds.
 *
 * @param path The folder.
 * @param subject How the message starts.
 * @throws {Error} If it cannot be listed.
 */
export function namesIn(path: string, subject: string): string[] {
  return withSubject(subject, () => Array.from(Deno.readDirSync(path), ({ name }) => name));
}

/** Whether there is a file of a name. */
export function isFileThere(path: string): boolean {
  return withSubject(`Cannot look at "${path}"`, () => ifThere(() => Deno.statSync(path).isFile)) ?? false;
}

/**
 * The text of a file.
 *
 * @param path The file.
 * @param subject How the message starts.
 * @returns The whole text.
 * @throws {Error} If it cannot be read.
 */
export function readText(path: string, subject = `Cannot read "${path}"`): string {
  return withSubject(subject, () => Deno.readTextFileSync(path));
}

/** The text of a file, or undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  return ifThere(() => readText(path));
}
