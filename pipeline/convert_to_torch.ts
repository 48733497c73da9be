/**
 * From label maps to the published layout: a folder of `.pt` files, `<wnid>/<stem>.pt`, float32 in the zip container.
 *
 * `convert.json` in the folder says what it is made of, how the axes are stored, and how many rows are done for certain. A
 * run that was killed goes on there: what it wrote beyond is whole and the same, or cut short and written again. Files are
 * not made durable one by one, so this holds against a kill and not against a power cut.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { dequantise, differences, type LabelMaps } from "../formats/labels/mod.ts";
import { fileError, readIfThere, removeIfThere, replaceFile } from "../formats/labels/files.ts";
import { takeLock } from "../formats/labels/lock.ts";
import { type MapLayout, publishedMapWriter } from "../formats/published/mod.ts";
import type { WriteProgress } from "./fill_folder.ts";
import { engineVersion } from "./version.ts";

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
  const unlock = takeLock(join(output, ".convert.lock"), subject);
  try {
    const { done: before, isResumed } = begin(output, configuration, subject);
    const note = (done: number) =>
      replaceFile(join(output, CONVERT_FILE), formatNote({ version: 1, configuration, done }));
    const encode = publishedMapWriter({ k, grid, layout });
    const folders = new Set<string>();
    onProgress?.({ done: before, before, total, rejected: 0 });
    for (let index = before; index < total; index++) {
      if (signal?.aborted) {
        note(index);
        return { done: index, before, total, rejected: 0, stopped: true };
      }
      const { key, class: classes, score } = await labelMaps.get(index);
      const path = join(output, pathOf(key, subject));
      const bytes = encode({ class: classes, score: dequantise(score, dtype) });
      makeOnce(folders, dirname(path), subject);
      // What a run left that was killed since its last note.
      const isRepeated = isResumed && index < before + ROWS_PER_NOTE;
      writeFile(path, bytes, isRepeated, `${subject}: "${key}"`);
      const done = index + 1;
      if (done % ROWS_PER_NOTE === 0 || done === total) note(done);
      onProgress?.({ done, before, total, rejected: 0 });
    }
    if (total === 0) note(0);
    return { done: total, before, total, rejected: 0, stopped: false };
  } finally {
    unlock();
  }
}

/** Rows that are done, and whether an earlier run did any. */
function begin(
  output: string,
  configuration: Note["configuration"],
  subject: string,
): { done: number; isResumed: boolean } {
  const note = readNote(output);
  if (note) {
    const found = differences(note.configuration, JSON.parse(JSON.stringify(configuration)));
    if (found.length === 0) return { done: note.done, isResumed: true };
    throw new TypeError(
      `Cannot go on with .pt files in "${output}": repeat their options or choose another folder, since ${
        found.join("; ")
      }`,
    );
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

/** Files of a folder all have one length, so a shorter one was cut by a kill; a whole one must be the same. */
function writeFile(path: string, bytes: Uint8Array, mayExist: boolean, subject: string): void {
  try {
    Deno.writeFileSync(path, bytes, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw fileError(subject, error);
    const found = Deno.readFileSync(path);
    if (mayExist && found.length < bytes.length) return Deno.writeFileSync(path, bytes);
    if (mayExist && found.every((byte, index) => byte === bytes[index])) return;
    throw new Deno.errors.AlreadyExists(`${subject} would be "${path}", which is another image's`);
  }
}
