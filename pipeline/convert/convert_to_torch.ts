/**
 * From label maps to the published layout: a folder of `.pt` files, `<wnid>/<stem>.pt`, float32 in the zip container.
 *
 * `convert.json` in the folder says what it is made of, how the axes are stored, how many rows are done for certain, and
 * which files are written next. A run that was killed, or whose power was cut, goes on there, and writes those files again.
 * Files are made durable together, before the note that counts them.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { letEventsIn } from "../../formats/base/event_loop.ts";
import {
  createSourceHash,
  dequantise,
  findDifferences,
  type LabelMaps,
  OtherConfigurationError,
} from "../../formats/labels/mod.ts";
import {
  fileError,
  isFileThere,
  makeDurable,
  makeFolder,
  namesIn,
  readIfThere,
  removeIfThere,
  replaceFile,
  unreadable,
} from "../../formats/base/files.ts";
import { type Lock, takeLock } from "../../formats/base/lock.ts";
import { publishedMapWriter } from "../../formats/published/mod.ts";
import type { WriteProgress } from "../command/progress.ts";
import { listRows } from "../label_folder/listed_images.ts";
import { engineVersion } from "../command/version.ts";
import { formatNumberOf } from "../command/numbers.ts";
import type { MapLayout } from "../../formats/base/label_map.ts";

/** What the folder says of itself. */
export const CONVERT_FILE = "convert.json";

/** Rows between two notes of how far a run is. */
const ROWS_PER_NOTE = 1000;

/** How `.pt` files are written, and who watches. */
export interface TorchOptions {
  /** How the last two axes are stored. */
  readonly layout: MapLayout;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** How many files were written. */
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
  /** Files of the rows after those, which may be there in part. */
  readonly pending?: readonly string[];
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
 * @param options How the last two axes are stored, a signal that ends the run, and whom to tell.
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
  const { metadata: { k, grid, dtype, classes, scores = "softmax" }, length: total } = labelMaps;
  if (scores !== "softmax") {
    throw new TypeError(
      `${subject}: scores of "${labelMaps.path}" are of independent classes (${scores}), and these files are read as ` +
        "logits of classes that exclude each other",
    );
  }
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
  using lock = takeLock(join(output, ".convert.lock"), subject);
  const begun = begin(output, configuration, subject);
  if (begun.done > total) {
    throw new TypeError(
      `${subject}: ${CONVERT_FILE} says that ${begun.done} of ${formatNumberOf(total, "row")} are done`,
    );
  }
  return await writeRows(labelMaps, {
    output,
    subject,
    configuration,
    begun,
    lock,
    signal,
    onProgress,
  });
}

/** A folder of `.pt` files that is being written, and how much of it was there. */
interface BegunFolder extends Pick<TorchOptions, "signal" | "onProgress"> {
  readonly output: string;
  /** What messages begin with. */
  readonly subject: string;
  readonly configuration: Note["configuration"];
  readonly begun: Pick<Note, "done" | "images" | "pending">;
  readonly lock: Lock;
}

/** Writes the files of the rows that are not done, after a look at those that are. */
async function writeRows(labelMaps: LabelMaps, folder: BegunFolder): Promise<TorchResult> {
  const { output, subject, configuration, begun: { done: before, images, pending }, signal, onProgress } = folder;
  const { metadata: { k, grid, dtype }, length: total } = labelMaps;
  const hash = createSourceHash();
  const encode = publishedMapWriter({ k, grid, layout: configuration.layout });
  const folders = new Set<string>();
  const result = (done: number, stopped: boolean) => ({ done, before, total, rejected: 0, stopped });

  const filesFrom = (row: number) =>
    Array.fromAsync(labelMaps.list({ start: row, end: row + ROWS_PER_NOTE }), ({ key }) => pathOf(key, subject));
  /** What a run may have left that was ended after its last note. */
  const left = new Set((pending ?? await filesFrom(before)).map((name) => join(output, name)));

  /** Makes the files of the rows so far durable, and notes them and those that may be there next. */
  const note = async (done: number, written: readonly string[]) => {
    folder.lock.keep();
    makeDurable(written, subject);
    const pending = await filesFrom(done);
    const rest = pending.length > 0 ? { pending } : {};
    replaceFile(
      join(output, CONVERT_FILE),
      formatNote({ version: 1, configuration, done, images: hash.digest(), ...rest }),
    );
  };

  onProgress?.(result(before, false));
  let index = 0;
  let missing: string | undefined;
  let written: string[] = [];
  for await (const row of listRows(labelMaps)) {
    await letEventsIn();
    const path = join(output, pathOf(row.key, subject));
    if (index === before) {
      checkDone(output, missing, images === undefined || images === hash.digest());
      left.forEach(removeIfThere);
      await note(before, []);
    }
    if (signal?.aborted) {
      if (index > before) await note(index, written);
      return result(Math.max(index, before), true);
    }
    if (index < before) {
      // Of two images that would be one file, the first keeps it.
      left.delete(path);
      if (missing === undefined && !isFileThere(path)) missing = `there is no file of row ${index}, "${row.key}"`;
      hash.add(row);
      index++;
      continue;
    }
    const { key, class: classes, score } = await labelMaps.get(index);
    makeOnce(folders, dirname(path), subject);
    writeFile(path, encode({ class: classes, score: dequantise(score, dtype) }), `${subject}: "${key}"`);
    written.push(path);
    hash.add(row);
    index++;
    if (index % ROWS_PER_NOTE === 0 || index === total) {
      await note(index, written);
      written = [];
    }
    onProgress?.(result(index, false));
  }
  if (before === total) {
    checkDone(output, missing, images === undefined || images === hash.digest());
    await note(total, []);
  }
  return result(total, false);
}

/** Refuses to go on where the rows that are done are not those of the input. */
function checkDone(output: string, missing: string | undefined, isSame: boolean): void {
  const found = missing ?? (isSame ? undefined : "a row that is done had another label, or its file another size");
  if (found === undefined) return;
  throw new TypeError(
    `Cannot go on with .pt files in "${output}": put the input back as it was or choose another folder, since ${found}`,
  );
}

/** Rows that are done, what they were, and files that may be there beyond. */
function begin(
  output: string,
  configuration: Note["configuration"],
  subject: string,
): Pick<Note, "done" | "images" | "pending"> {
  const note = readNote(output);
  if (note) {
    const found = findDifferences(note.configuration, JSON.parse(JSON.stringify(configuration)));
    if (found.length === 0) return note;
    throw new OtherConfigurationError(`Cannot go on with .pt files in "${output}"`, found);
  }
  removeIfThere(join(output, `${CONVERT_FILE}.partial`));
  const foreign = namesIn(output, subject).find((name) => name !== ".convert.lock");
  if (foreign !== undefined) {
    throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${CONVERT_FILE}`);
  }
  replaceFile(join(output, CONVERT_FILE), formatNote({ version: 1, configuration, done: 0 }));
  return { done: 0, pending: [] };
}

function readNote(path: string): Note | undefined {
  const file = join(path, CONVERT_FILE);
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    const note: Note = JSON.parse(text);
    const isLayout = ["hw", "wh"].includes(note.configuration.layout);
    const isList = note.pending === undefined ||
      Array.isArray(note.pending) && note.pending.every((name) => /^(?!\/|.*(^|\/)\.\.?(\/|$)).+\.pt$/.test(name));
    if (note.version === 1 && isLayout && isList && Number.isSafeInteger(note.done) && note.done >= 0) return note;
  } catch {
    // Said below.
  }
  throw unreadable(file, "it does not say what the folder holds");
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

function makeOnce(made: Set<string>, path: string, subject: string): void {
  if (made.has(path)) return;
  makeFolder(path, subject);
  made.add(path);
}

function writeFile(path: string, bytes: Uint8Array, subject: string): void {
  try {
    Deno.writeFileSync(path, bytes, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw fileError(subject, error);
    throw new Deno.errors.AlreadyExists(`${subject} would be "${path}", which is another image's`);
  }
}
