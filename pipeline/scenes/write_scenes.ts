/**
 * A split of scenes as a folder:
 *
 * | name | |
 * | --- | --- |
 * | `images/<class>/<index>.png` | RGB, in the folder of the single label |
 * | `masks/<class>/<index>.png` | grey, named as the images: 0 for background, or 1 and the index of the class that is seen |
 * | `boxes.csv` | `key,class,top,left,height,width`: a line for each object, in fractions, around what is seen of it |
 * | `real.json` | the classes of each image, as ReaL has them: a list of lists of indices, images in the order of their keys |
 * | `classes.txt` | the names of the classes, one a line |
 * | `scenes.json` | what the folder was begun with |
 *
 * Images and masks are written as they are made, whole or not at all; the tables once all are there. So a run that was
 * killed goes on with the files that lack, and the folder is byte for byte that of an uninterrupted run.
 *
 * @module
 */

import { join } from "@std/path";
import { encodePng } from "../../formats/images/encode_png.ts";
import { compareNatural } from "../../formats/base/natural_sort.ts";
import {
  fileError,
  ifThere,
  makeFolder,
  PARTIAL,
  readIfThere,
  removeIfThere,
  replaceFile,
  withSubject,
} from "../../formats/base/files.ts";
import { takeLock } from "../../formats/base/lock.ts";
import { type Box, BOX_COLUMNS } from "../pictures/boxes.ts";
import { optionName } from "../command/option_table.ts";
import type { WriteProgress } from "../command/progress.ts";
import { sceneClasses } from "./classes.ts";
import { SCENE_SIZE } from "./scene_layout.ts";
import { paintScene } from "./paint.ts";
import { type Scene, sceneKey, sceneOf } from "./scene.ts";
import { parseJson } from "../../formats/base/json.ts";
import type { SceneId } from "./scene_numbers.ts";

/** Raised when the same seed gives other scenes. */
const VERSION = 1;

const CONFIGURATION = "scenes.json";
const LOCK = ".scenes.lock";

/** Images, some 2 ms each, that a signal may have to wait for. */
const IMAGES_A_TASK = 16;

/** A range of a split's scenes. */
export interface SceneRange extends Pick<SceneId, "seed" | "split" | "leastObjects"> {
  /** The index of the first. */
  readonly start: number;
  /** Number of scenes. */
  readonly images: number;
}

/** How many scenes were written. */
export interface ScenesWritten extends WriteProgress {
  /** Whether the signal ended it early; the figures below are of the scenes until then. */
  readonly stopped: boolean;
  /** Objects in all images. */
  readonly objects: number;
  /** Classes that no single label names: a reader that numbers the folders with an image in them counts others. */
  readonly unnamed: readonly string[];
  /** The share of single labels that are right for who always names the class most likely to be the label. */
  readonly ceiling: number;
}

/** What is kept of a scene for the tables. */
interface Truth {
  readonly key: string;
  readonly boxes: readonly Box[];
}

/**
 * Writes scenes, or what of them is not there yet.
 *
 * @param folder The folder; it is made if it is not there.
 * @param range Seed, splits and indices of the scenes.
 * @param watch A signal that stops the run, and whom to tell of each image.
 * @returns What was done.
 * @throws {Deno.errors.AlreadyExists} If the folder was begun with other scenes, or holds something else.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {Error} If a file cannot be written.
 */
export async function writeScenes(
  folder: string,
  range: SceneRange,
  watch: { readonly signal?: AbortSignal; readonly onProgress?: (progress: WriteProgress) => void } = {},
): Promise<ScenesWritten> {
  const subject = `Cannot write scenes to "${folder}"`;
  makeFolder(folder, subject);
  using _lock = takeLock(join(folder, LOCK), subject);
  begin(folder, range, subject);
  return await fill(folder, range, watch);
}

async function fill(
  folder: string,
  { images, start, ...id }: SceneRange,
  { signal, onProgress }: { readonly signal?: AbortSignal; readonly onProgress?: (progress: WriteProgress) => void },
): Promise<ScenesWritten> {
  const truths: Truth[] = [];
  let before = 0;
  let objects = 0;
  let right = 0;
  const named = new Set<number>();
  const result = (stopped: boolean): ScenesWritten => {
    const done = truths.length;
    const unnamed = sceneClasses.filter((_, index) => !named.has(index)).map(({ name }) => name);
    return { done, before, total: images, rejected: 0, stopped, objects, unnamed, ceiling: right / done };
  };
  for (let index = start; index < start + images; index++) {
    // Signals arrive between tasks only.
    if (index % IMAGES_A_TASK === 0) await new Promise((resolve) => setTimeout(resolve));
    if (signal?.aborted) return result(true);
    const scene = sceneOf({ ...id, index });
    const key = sceneKey(scene);
    if (!writeMissing(folder, key, scene)) before++;
    truths.push({ key, boxes: scene.boxes });
    objects += scene.objects.length;
    right += Math.max(...scene.shares);
    named.add(scene.label);
    onProgress?.({ done: truths.length, before, total: images, rejected: 0 });
  }
  truths.sort((a, b) => compareNatural(a.key, b.key));
  replaceFile(join(folder, "boxes.csv"), boxTable(truths));
  replaceFile(join(folder, "real.json"), realList(truths));
  return result(false);
}

/** Makes the folders and says what they are for, or finds that this was done. */
function begin(folder: string, range: SceneRange, subject: string): void {
  const path = join(folder, CONFIGURATION);
  const { seed, split, start, images, leastObjects = 1 } = range;
  const wanted = { version: VERSION, seed, split, start, images, leastObjects };
  const text = readIfThere(path);
  if (text === undefined) {
    const foreign = [...Deno.readDirSync(folder)].map(({ name }) => name).sort().find((name) =>
      name !== LOCK && !name.endsWith(PARTIAL)
    );
    if (foreign !== undefined) {
      throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${CONFIGURATION}`);
    }
    replaceFile(path, `${JSON.stringify(wanted)}\n`);
  } else {
    checkSame(text, wanted, subject);
  }
  replaceFile(join(folder, "classes.txt"), sceneClasses.map(({ name }) => `${name}\n`).join(""));
  for (const { name } of sceneClasses) {
    makeFolder(join(folder, "images", name), subject);
    makeFolder(join(folder, "masks", name), subject);
  }
}

/** What a configuration does not say that was written before there was a choice. */
const ABSENT: Readonly<Record<string, unknown>> = { leastObjects: 1 };

function checkSame(text: string, wanted: Readonly<Record<string, unknown>>, subject: string): void {
  const before = Object(parseJson(text, `${subject}: its ${CONFIGURATION} is not JSON`));
  const found = Object.keys(wanted).filter((name) => (before[name] ?? ABSENT[name]) !== wanted[name]);
  if (found.length === 0) return;
  const differences = found.map((name) => {
    const option = name === "images" ? "count" : optionName(name);
    return `with --${option} ${before[name] ?? ABSENT[name]}, not ${wanted[name]}`;
  });
  throw new Deno.errors.AlreadyExists(`${subject}: it was begun ${differences.join(" and ")}`);
}

/** Writes a scene's files that are not there; returns whether there was one. */
function writeMissing(folder: string, key: string, scene: Scene): boolean {
  const [image, mask] = [join(folder, "images", key), join(folder, "masks", key)];
  const [hasImage, hasMask] = [isThere(image), isThere(mask)];
  const size = { width: SCENE_SIZE, height: SCENE_SIZE };
  if (!hasImage) writeWhole(image, encodePng(paintScene(scene), { ...size, channels: 3 }));
  if (!hasMask) writeWhole(mask, encodePng(scene.mask, { ...size, channels: 1 }));
  return !(hasImage && hasMask);
}

function isThere(path: string): boolean {
  // A power cut can leave a name without content.
  return withSubject(`Cannot read "${path}"`, () => ifThere(() => Deno.statSync(path).size > 0)) ?? false;
}

/** Unlike `replaceFile`, does not wait for the disk: images are many, and can be made again. */
function writeWhole(path: string, bytes: Uint8Array): void {
  const partial = path + PARTIAL;
  try {
    Deno.writeFileSync(partial, bytes);
    Deno.renameSync(partial, path);
  } catch (error) {
    removeIfThere(partial);
    throw fileError(`Cannot write "${path}"`, error);
  }
}

function boxTable(truths: readonly Truth[]): string {
  const lines = truths.flatMap(({ key, boxes }) =>
    boxes.map(({ index, top, left, height, width }) =>
      [key, sceneClasses[index].name, top, left, height, width].join(",")
    )
  );
  return `${[BOX_COLUMNS.join(","), ...lines].join("\n")}\n`;
}

function realList(truths: readonly Truth[]): string {
  const lists = truths.map(({ boxes }) => boxes.map(({ index }) => index).sort((a, b) => a - b));
  return `${JSON.stringify(lists)}\n`;
}
