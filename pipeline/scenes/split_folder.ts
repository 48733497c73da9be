/**
 * Images of which everything is known as a folder, such as a split of scenes:
 *
 * | name | |
 * | --- | --- |
 * | `images/<class>/<index>.png` | RGB, in the folder of the single label |
 * | `masks/<class>/<index>.png` | grey, named as the images: 0 for background, or 1 and the index of the class that is seen |
 * | `boxes.csv` | `key,class,top,left,height,width`: a line for each object, in fractions, around what is seen of it |
 * | `real.json` | the classes of each image, as ReaL has them: a list of lists of indices, images in the order of their keys |
 * | `classes.txt` | the names of the classes, one a line |
 * | `scenes.json` | what the folder was begun with; named after what the images are |
 *
 * Images and masks are written as they are made, whole or not at all; the tables once all are there. So a run that was
 * killed goes on with the files that lack, and the folder is byte for byte that of an uninterrupted run.
 *
 * @module
 */

import { join } from "@std/path";
import { encodePng } from "../../formats/images/encode_png.ts";
import { compareNatural } from "../../formats/base/natural_sort.ts";
import { hasContent, makeFolder, PARTIAL, readIfThere, replaceFile, writeWhole } from "../../formats/base/files.ts";
import { takeLock } from "../../formats/base/lock.ts";
import { type Box, BOX_COLUMNS } from "../pictures/boxes.ts";
import { optionName } from "../command/option_table.ts";
import type { WriteProgress } from "../command/progress.ts";
import { parseJson } from "../../formats/base/json.ts";

/** Images, some 2 ms each, that a signal may have to wait for. */
const IMAGES_A_TASK = 16;

/** An image of which everything is known. */
export interface KnownImage {
  /** The image's file under the folder of images: the label's class, and a name. */
  readonly key: string;
  /** A box around what is seen of each object. */
  readonly boxes: readonly Box[];
  /** `[H, W]`: 0 for background, or 1 and the index of the class that is seen. */
  readonly mask: Uint8Array;
  /** The probability that each object is the one that the label names, objects as in the boxes. */
  readonly shares: readonly number[];
  /** The single label: a class index. */
  readonly label: number;
  /** Paints the image: RGB `[H, W, 3]`. */
  paint(): Uint8Array;
}

/** The images of a split's folder. */
export interface KnownImages {
  /** What they are called, in messages and in the name of what the folder was begun with, such as `scenes`. */
  readonly name: string;
  /** What the folder was begun with, beside `version`, `start` and `images`; by the names of the options. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Raised when the same configuration gives other images. */
  readonly version: number;
  /** Names of the classes, in the order of their folders. */
  readonly classes: readonly string[];
  /** Width and height of an image in pixels. */
  readonly side: number;
  /** The index of the first image. */
  readonly start: number;
  /** Number of images. */
  readonly images: number;
  /** Draws an image by its index. */
  imageOf(index: number): KnownImage;
}

/** A signal, and whom to tell. */
export interface SplitWatch {
  /** Stops the run. */
  readonly signal?: AbortSignal;
  /** Told of each image. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** How many images were written. */
export interface SplitWritten extends WriteProgress {
  /** Whether the signal ended it early; the figures below are of the images until then. */
  readonly stopped: boolean;
  /** Objects in all images. */
  readonly objects: number;
  /** Classes that no single label names: a reader that numbers the folders with an image in them counts others. */
  readonly unnamed: readonly string[];
  /** The share of single labels that are right for who always names the class most likely to be the label. */
  readonly ceiling: number;
}

/** What is kept of an image for the tables. */
interface Truth {
  readonly key: string;
  readonly boxes: readonly Box[];
}

/**
 * Writes images with what is known of them, or what of it is not there yet.
 *
 * @param folder The folder; it is made if it is not there.
 * @param known The images.
 * @param watch A signal that stops the run, and whom to tell of each image.
 * @returns How many were written, and what they hold.
 * @throws {Deno.errors.AlreadyExists} If the folder was begun with others, or holds something else.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {Error} If a file cannot be written.
 */
export async function writeSplit(folder: string, known: KnownImages, watch: SplitWatch = {}): Promise<SplitWritten> {
  const subject = `Cannot write ${known.name} to "${folder}"`;
  makeFolder(folder, subject);
  using _lock = takeLock(join(folder, lockOf(known)), subject);
  begin(folder, known, subject);
  return await fill(folder, known, watch);
}

function configurationOf({ name }: KnownImages): string {
  return `${name}.json`;
}

function lockOf({ name }: KnownImages): string {
  return `.${name}.lock`;
}

async function fill(
  folder: string,
  known: KnownImages,
  { signal, onProgress }: SplitWatch,
): Promise<SplitWritten> {
  const { images, start, classes } = known;
  const truths: Truth[] = [];
  let before = 0;
  let objects = 0;
  let right = 0;
  const named = new Set<number>();
  const result = (stopped: boolean): SplitWritten => {
    const done = truths.length;
    const unnamed = classes.filter((_, index) => !named.has(index));
    return { done, before, total: images, rejected: 0, stopped, objects, unnamed, ceiling: right / done };
  };
  for (let index = start; index < start + images; index++) {
    // Signals arrive between tasks only.
    if (index % IMAGES_A_TASK === 0) await new Promise((resolve) => setTimeout(resolve));
    if (signal?.aborted) return result(true);
    const image = known.imageOf(index);
    if (!writeMissing(folder, image, known)) before++;
    truths.push({ key: image.key, boxes: image.boxes });
    objects += image.boxes.length;
    right += Math.max(...image.shares);
    named.add(image.label);
    onProgress?.({ done: truths.length, before, total: images, rejected: 0 });
  }
  truths.sort((a, b) => compareNatural(a.key, b.key));
  replaceFile(join(folder, "boxes.csv"), boxTable(truths, classes));
  replaceFile(join(folder, "real.json"), realList(truths));
  return result(false);
}

/** Makes the folders and says what they are for, or finds that this was done. */
function begin(folder: string, known: KnownImages, subject: string): void {
  const { version, configuration, start, images, classes } = known;
  const name = configurationOf(known);
  const path = join(folder, name);
  const { leastObjects, ...others } = configuration;
  const wanted = { version, ...others, start, images, leastObjects };
  const text = readIfThere(path);
  if (text === undefined) {
    const foreign = [...Deno.readDirSync(folder)].map(({ name }) => name).sort().find((name) =>
      name !== lockOf(known) && !name.endsWith(PARTIAL)
    );
    if (foreign !== undefined) {
      throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${name}`);
    }
    replaceFile(path, `${JSON.stringify(wanted)}\n`);
  } else {
    checkSame(text, wanted, { subject, name });
  }
  replaceFile(join(folder, "classes.txt"), classes.map((name) => `${name}\n`).join(""));
  for (const name of classes) {
    makeFolder(join(folder, "images", name), subject);
    makeFolder(join(folder, "masks", name), subject);
  }
}

/** What a configuration does not say that was written before there was a choice. */
const ABSENT: Readonly<Record<string, unknown>> = { leastObjects: 1 };

function checkSame(
  text: string,
  wanted: Readonly<Record<string, unknown>>,
  { subject, name }: { readonly subject: string; readonly name: string },
): void {
  const before = Object(parseJson(text, `${subject}: its ${name} is not JSON`));
  const found = Object.keys(wanted).filter((name) => (before[name] ?? ABSENT[name]) !== wanted[name]);
  if (found.length === 0) return;
  const differences = found.map((name) => {
    const option = name === "images" ? "count" : optionName(name);
    return `with --${option} ${before[name] ?? ABSENT[name]}, not ${wanted[name]}`;
  });
  throw new Deno.errors.AlreadyExists(`${subject}: it was begun ${differences.join(" and ")}`);
}

/** Writes an image's files that are not there; returns whether there was one. */
function writeMissing(folder: string, { key, ...known }: KnownImage, { side }: KnownImages): boolean {
  const [image, mask] = [join(folder, "images", key), join(folder, "masks", key)];
  const [hasImage, hasMask] = [hasContent(image), hasContent(mask)];
  const size = { width: side, height: side };
  if (!hasImage) writeWhole(image, encodePng(known.paint(), { ...size, channels: 3 }));
  if (!hasMask) writeWhole(mask, encodePng(known.mask, { ...size, channels: 1 }));
  return !(hasImage && hasMask);
}

function boxTable(truths: readonly Truth[], classes: readonly string[]): string {
  const lines = truths.flatMap(({ key, boxes }) =>
    boxes.map(({ index, top, left, height, width }) => [key, classes[index], top, left, height, width].join(","))
  );
  return `${[BOX_COLUMNS.join(","), ...lines].join("\n")}\n`;
}

function realList(truths: readonly Truth[]): string {
  const lists = truths.map(({ boxes }) => boxes.map(({ index }) => index).sort((a, b) => a - b));
  return `${JSON.stringify(lists)}\n`;
}
