/**
 * From label maps to the published layout: a folder of `.pt` files, `<wnid>/<stem>.pt`, float32 in the zip container.
 *
 * `convert.json` in the folder says what it is made of, how the axes are stored, and how many rows are done for certain. A
 * run that was killed, or whose power was cut, goes on there: what it wrote beyond is whole and the same, or cut short and
 * written again. Files are made durable together, before the note that counts them.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { letEventsIn } from "../formats/event_loop.ts";
import {
  createSourceHash,
  dequantise,
  findDifferences,
  type LabelMaps,
  OtherConfigurationError,
} from "../formats/labels/mod.ts";
import { fileError, readIfThere, removeIfThere, replaceFile, syncFolder } from "../formats/labels/files.ts";
import { takeLock } from "../formats/labels/lock.ts";
import { type MapLayout, publishedMapWriter } from "../formats/published/mod.ts";
import type { WriteProgress } from "./fill_folder.ts";
import { listRows } from "./listed_images.ts";
import { engineVersion } from "./version.ts";
import { formatNumberOf } from "./numbers.ts";

/** What the folder says of itself. */
export const CONVERT_FILE = "convert.json";

/** Rows between two notes of how far a run is. */
const ROWS_PER_NOTE = 1000;

/** How to write. */
export interface TorchOptions {
  /** How the last two axes are stored. */
  readonly layout: MapLayout;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** What was done. */
export interface TorchResult extends WriteProgress {
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
}

/** The content of `convert.json`. */
interface Note {
  readonly version: 1;
  readonly configuration: Readonly<Record<string, unknown>> & { readonly layout: MapLayout };
  /** Rows whose files are whole. */
  readonly done: number;
  /** What those rows were, as `SourceHash` says; absent where that was not kept. */
  readonly images?: string;
}

/**
 * How the `.pt` files of a folder are stored, if this project wrote them.
 *
 * @param path The folder.
 * @returns The layout, undefined for a folder from elsewhere.
 */
export function notedLayout(path: string): MapLayout | undefined {
  const note = readNote(path);
  return note?.configuration.layout;
}

/**
 * Writes label maps as `.pt` files.
 *
 * @param labelMaps The input, which stays open.
 * @param output The folder; it is made, or gone on with.
 * @param options How.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {Deno.errors.AlreadyExists} If the folder holds something else, or two keys differ in their extension alone.
 * @throws {TypeError} If the folder was begun with another configuration, or the input is damaged.
 */
export async function convertToTorch(
  labelMaps: LabelMaps,
  output: string,
  { layout, signal, onProgress }: TorchOptions,
): Promise<TorchResult> {
  const subject = `Cannot write .pt files to "${output}"`;
  const { metadata: { k, grid, dtype, classes }, length: total } = labelMaps;
  if (classes > 2 ** 24 + 1) throw new RangeError(`${subject}: float32 holds no class index above ${2 ** 24}`);
  const keyAt = async (index: number) => total === 0 ? null : (await labelMaps.get(index)).key;
  const configuration = {
    layout,
    k,
    grid,
    dtype,
    source: { images: total, firstKey: await keyAt(0), lastKey: await keyAt(total - 1) },
    engine: { version: engineVersion },
  };
  makeFolder(output, subject);
  const lock = takeLock(join(output, ".convert.lock"), subject);
  try {
    const { done: before, images, isResumed } = begin(output, configuration, subject);
    if (before > total) {
      throw new TypeError(
        `${subject}: ${CONVERT_FILE} says that ${before} of ${formatNumberOf(total, "row")} are done`,
      );
    }
    const hash = createSourceHash();
    let written: string[] = [];
    const note = (done: number) => {
      lock.keep();
      makeDurable(written, subject);
      written = [];
      replaceFile(
        join(output, CONVERT_FILE),
        formatNote({ version: 1, configuration, done, images: hash.digest() }),
      );
    };
    const encode = publishedMapWriter({ k, grid, layout });
    const folders = new Set<string>();
    const result = (done: number, stopped: boolean) => ({ done, before, total, rejected: 0, stopped });
    onProgress?.(result(before, false));
    let index = 0;
    let missing: string | undefined;
    for await (const row of listRows(labelMaps)) {
      await letEventsIn();
      const path = join(output, pathOf(row.key, subject));
      if (index < before) {
        if (signal?.aborted) return result(before, true);
        hash.add(row);
        if (missing === undefined && !isThere(path)) missing = `there is no file of row ${index}, "${row.key}"`;
        if (++index === before) checkDone(output, missing, images === undefined || images === hash.digest());
        continue;
      }
      if (signal?.aborted) {
        note(index);
        return result(index, true);
      }
      const { key, class: classes, score } = await labelMaps.get(index);
      const bytes = encode({ class: classes, score: dequantise(score, dtype) });
      makeOnce(folders, dirname(path), subject);
      // What a run left that was killed since its last note.
      const isRepeated = isResumed && index < before + ROWS_PER_NOTE;
      writeFile(path, bytes, isRepeated, `${subject}: "${key}"`);
      written.push(path);
      hash.add(row);
      index++;
      if (index % ROWS_PER_NOTE === 0 || index === total) note(index);
      onProgress?.(result(index, false));
    }
    if (total === 0) note(0);
    return result(total, false);
  } finally {
    lock.release();
  }
}

/** Refuses to go on where the rows that are done are not those of the input. */
function checkDone(output: string, missing: string | undefined, isSame: boolean): void {
  const found = missing ?? (isSame ? undefined : "a row that is done had another label, or its file another size");
  if (found === undefined) return;
  throw new TypeError(
    `Cannot go on with .pt files in "${output}": put the input back as it was or choose another folder, since ${found}`,
  );
}

/** Waits until files, and their names, are on disk: most of the wait is for the first. */
function makeDurable(paths: readonly string[], subject: string): void {
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

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Rows that are done, what they were, and whether an earlier run did any. */
function begin(
  output: string,
  configuration: Note["configuration"],
  subject: string,
): Pick<Note, "done" | "images"> & { isResumed: boolean } {
  const note = readNote(output);
  if (note) {
    const found = findDifferences(note.configuration, JSON.parse(JSON.stringify(configuration)));
    if (found.length === 0) return { ...note, isResumed: true };
    throw new OtherConfigurationError(`Cannot go on with .pt files in "${output}"`, found);
  }
  removeIfThere(join(output, `${CONVERT_FILE}.partial`));
  const foreign = [...Deno.readDirSync(output)].map(({ name }) => name).find((name) => name !== ".convert.lock");
  if (foreign !== undefined) {
    throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${CONVERT_FILE}`);
  }
  replaceFile(join(output, CONVERT_FILE), formatNote({ version: 1, configuration, done: 0 }));
  return { done: 0, isResumed: false };
}

function readNote(path: string): Note | undefined {
  const file = join(path, CONVERT_FILE);
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    const note: Note = JSON.parse(text);
    const isLayout = ["hw", "wh"].includes(note.configuration.layout);
    if (note.version === 1 && isLayout && Number.isSafeInteger(note.done) && note.done >= 0) return note;
  } catch {
    // Said below.
  }
  throw new TypeError(`Cannot read "${file}": it does not say what the folder holds`);
}

function formatNote(note: Note): string {
  return `${JSON.stringify(note, null, 2)}\n`;
}

/** `n01440764/a.b.JPEG` is `n01440764/a.b.pt`. */
function pathOf(key: string, subject: string): string {
  if (key.split("/").some((part) => part === "" || part === "." || part === "..") || key.includes("\\")) {
    throw new TypeError(`${subject}: key "${key}" is not a path below it`);
  }
  const slash = key.lastIndexOf("/");
  const dot = key.lastIndexOf(".");
  return `${dot > slash + 1 ? key.slice(0, dot) : key}.pt`;
}

function makeFolder(path: string, subject: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError(subject, error);
  }
}

function makeOnce(made: Set<string>, path: string, subject: string): void {
  if (made.has(path)) return;
  makeFolder(path, subject);
  made.add(path);
}

/**
 * Files of a folder all have one length, so a shorter one was cut by a kill, and one that ends in zeros by a power cut; a
 * whole one must be the same.
 */
function writeFile(path: string, bytes: Uint8Array, mayExist: boolean, subject: string): void {
  try {
    if (!isThere(path)) return Deno.writeFileSync(path, bytes, { createNew: true });
    const found = Deno.readFileSync(path);
    const same = found.findIndex((byte, index) => byte !== bytes[index]);
    if (mayExist && same < 0 && found.length === bytes.length) return;
    const isCut = found.length < bytes.length || found.subarray(same).every((byte) => byte === 0);
    if (mayExist && isCut) return Deno.writeFileSync(path, bytes);
  } catch (error) {
    throw fileError(subject, error);
  }
  throw new Deno.errors.AlreadyExists(`${subject} would be "${path}", which is another image's`);
}
