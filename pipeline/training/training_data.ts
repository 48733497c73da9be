/**
 * What is trained on: images joined by their keys with label maps or masks, less those that are left out.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename } from "@std/path";
import { readText, withSubject } from "../../formats/base/files.ts";
import {
  type ClassNames,
  isTurned,
  type LabelMaps,
  mapLength,
  openLabelMaps,
  type SourceImage,
} from "../../formats/labels/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { mapClasses as mapNames } from "../evaluation/map_classes.ts";
import type { ImageClasses } from "../../formats/evaluation/mod.ts";
import { joinMultiLabels } from "./join_multi_labels.ts";
import { type ImageStore, type ImageStoreOptions, MEMORY, openImageStore } from "./image_store.ts";
import { joinImageStores } from "./joined_images.ts";
import { joinLabelMaps, type TrainingMaps } from "./joined_maps.ts";
import type { RequestedSettings } from "./settings.ts";
import { closing } from "../../formats/base/closing.ts";

/** What is trained on. */
export interface TrainingData {
  readonly images: ImageStore;
  /** Positions of the images that are used, ascending. */
  readonly used: Uint32Array;
  /** The label of each image as the network counts classes, -1 if unknown. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Number of classes that the network tells apart. */
  readonly classes: number;
  readonly classNames?: readonly string[];
  /** The maps, and the row of each image, -1 without one. */
  readonly maps?: { readonly maps: TrainingMaps; readonly rows: Int32Array };
  /** The masks, and the place of each image's among them, -1 without one. */
  readonly masks?: { readonly images: ImageStore; readonly places: Int32Array };
  /** The classes of each image, where it may have several; undefined of an image that is not used. */
  readonly multiLabels?: readonly (ImageClasses | undefined)[];
  /** SHA-256 of keys and labels of what is used. */
  readonly fingerprint: string;
  /** What is used, with sizes in bytes: images, their masks, and the files of label maps. */
  list(): Iterable<SourceImage>;
  /** What the user should know: sentences with counts. */
  readonly remarks: readonly string[];
  close(): void;
}

/** Classes as someone counts and names them. */
interface Classes {
  readonly count: number;
  readonly names?: ClassNames;
}

/** Classes of a network. Labels beyond are identifiers of something, and no numbers of classes. */
const MOST_CLASSES = 1_000_000;

/** Bytes of label maps up to which all are held in memory. */
const PRELOAD = 2 ** 31;

/** Files that were opened so far, to be closed together. */
interface Opened {
  readonly images: ImageStore;
  readonly maps?: TrainingMaps;
  readonly masks?: ImageStore;
}

/**
 * Opens what the options name.
 *
 * @param options The training's.
 * @param store How images are decoded and kept; the cache is of the images, masks are kept in memory.
 * @param teacher The teacher's classes, where a teacher is distilled.
 * @returns The data; close it.
 * @throws {RangeError | TypeError} If nothing is left, or a class of the images is none of the maps'.
 * @throws {Error} If a source cannot be read.
 */
export async function openTrainingData(
  options: RequestedSettings,
  store: ImageStoreOptions,
  teacher?: { readonly classes: number; readonly classNames?: readonly string[] },
): Promise<TrainingData> {
  using opened = new DisposableStack();
  const open = async (path: string, options: ImageStoreOptions) =>
    opened.use(closing(await openImageStore(path, options)));
  const subject = `Cannot train on "${options.images}"`;
  const roots = [options.images, ...options.otherImages ?? []];
  const images = joinImageStores(
    await Array.fromAsync(roots, (path, root) => open(path, storeOf(store, { root, roots: roots.length }))),
    subject,
  );
  const folders = options.maps === undefined ? [] : [options.maps, ...options.otherMaps ?? []];
  const allMaps = await Array.fromAsync(folders, async (path) => opened.use(closing(await openMaps(path))));
  const maps = allMaps.length === 0 ? undefined : joinLabelMaps(allMaps, subject);
  const masks = options.masks === undefined ? undefined : await open(options.masks, { ...store, cache: undefined });
  const joined = await joinSources(options, { images, maps, masks }, teacher);
  const all = opened.move();
  return { ...joined, close: () => all.dispose() };
}

/** How one of several roots is decoded and kept: in a file of its own, and in its share of memory. */
function storeOf(
  store: ImageStoreOptions,
  { root, roots }: { readonly root: number; readonly roots: number },
): ImageStoreOptions {
  if (roots === 1) return store;
  const { cache, memory = MEMORY } = store;
  return {
    ...store,
    memory: Math.floor(memory / roots),
    cache: cache === undefined || root === 0 ? cache : `${cache}.${root}`,
  };
}

async function openMaps(path: string): Promise<LabelMaps> {
  const maps = await openLabelMaps(path);
  // Classes and scores of at most 4 bytes each.
  if (maps.length * mapLength(maps.metadata) * 8 > PRELOAD) return maps;
  maps.close();
  return await openLabelMaps(path, { preload: true });
}

async function joinSources(
  options: RequestedSettings,
  { images, maps, masks }: Opened,
  teacher?: { readonly classes: number; readonly classNames?: readonly string[] },
): Promise<Omit<TrainingData, "close">> {
  const { labels, images: path } = options;
  const subject = `Cannot train on "${path}"`;
  const remarks: string[] = [];
  let used = images.keys.map((_, index) => index);
  const keep = (isKept: (index: number) => boolean, what: string) => {
    const kept = used.filter(isKept);
    const lost = used.length - kept.length;
    if (kept.length === 0) throw new RangeError(`${subject}: none of ${formatNumberOf(used.length, "image")} ${what}`);
    if (lost > 0) {
      remarks.push(`${formatCount(kept.length)} of ${formatNumberOf(used.length, "image")} ${what}`);
    }
    used = kept;
  };

  for (const name of ["subset", "cleaned"] as const) {
    const list = options[name];
    if (list === undefined) continue;
    const keys = readKeys(list, images.keys);
    keep((index) => keys.has(images.keys[index]), `are in "${list}"`);
  }
  const needsLabels = ["original", "smoothing", "cleaned"].includes(labels) ||
    (labels === "mix" && options.multiLabel === undefined);
  if (needsLabels) keep((index) => images.labels[index] >= 0, "have a label");

  let mapRows: Int32Array | undefined;
  let labelsOfMaps = images.labels;
  if (maps) {
    if (labels !== "cleaned") checkTurned(maps, options);
    mapRows = await rowsOf(images.keys, maps);
    const matched = mapRows.reduce((sum, row) => sum + (row >= 0 ? 1 : 0), 0);
    keep((index) => mapRows![index] >= 0, `have a label map in "${options.maps}"`);
    if (matched < maps.length) {
      remarks.push(
        `${formatCount(maps.length - matched)} of ${formatNumberOf(maps.length, "label map")} have no image`,
      );
    }
    if (needsLabels) labelsOfMaps = labelsAmong(images, maps, `${subject} with maps "${options.maps}"`);
    if (labels === "cleaned") {
      const best = await bestClasses(used, mapRows, maps);
      keep((index) => best.get(index) === labelsOfMaps[index], "have the label that their map confirms");
    }
  }
  let maskPlaces: Int32Array | undefined;
  if (masks) {
    const places = new Map(masks.keys.map((key, place) => [withoutExtension(key), place]));
    maskPlaces = Int32Array.from(images.keys, (key) => places.get(withoutExtension(key)) ?? -1);
    keep((index) => maskPlaces![index] >= 0, `have a mask in "${options.masks}"`);
  }

  const settled = maps && labels !== "cleaned" ? mapClasses(maps) : undefined;
  const multiLabels = options.multiLabel === undefined
    ? undefined
    : await joinMultiLabels(options.multiLabel, options, { images, settled });
  if (multiLabels) {
    keep((index) => multiLabels.of[index] !== undefined, `are in "${options.multiLabel}"`);
    remarks.push(...multiLabels.remarks(used));
  }
  const classes = multiLabels
    ? { count: multiLabels.classes, names: multiLabels.classNames }
    : settled
    ? settled
    : teacher
    ? { count: teacher.classes, names: teacher.classNames && { name: teacher.classNames } }
    : imageClasses(images);
  checkClasses(classes.count, images, options);
  if (maps && labels !== "cleaned") checkScores(maps, options);
  const trained = labels === "mix" ? labelsOfMaps : images.labels;
  const hash = createHash("sha256");
  for (const index of used) {
    const label = multiLabels ? JSON.stringify(multiLabels.of[index]) : trained[index];
    hash.update(`${images.keys[index]}\0${label}\n`);
  }
  const files = [...maps?.files ?? [], ...multiLabels ? [options.multiLabel!] : []];
  return {
    images,
    used: Uint32Array.from(used),
    labels: trained,
    classes: classes.count,
    classNames: classes.names?.name,
    ...(maps && labels !== "cleaned" ? { maps: { maps, rows: mapRows! } } : {}),
    ...(masks ? { masks: { images: masks, places: maskPlaces! } } : {}),
    ...(multiLabels ? { multiLabels: multiLabels.of } : {}),
    fingerprint: hash.digest("hex"),
    *list() {
      for (const index of used) yield { ...imageAt(images, index), label: multiLabels ? null : trained[index] };
      for (const index of masks ? used : []) yield imageAt(masks!, maskPlaces![index]);
      for (const path of files) yield { key: basename(path), label: null, bytes: bytesOf(path) };
    },
    remarks,
  };
}

/** Refuses maps of images that were turned where those to train on are not, and the other way round. */
function checkTurned({ metadata }: TrainingMaps, { images, maps, exifOrientation }: RequestedSettings): void {
  if (isTurned(metadata) === exifOrientation) return;
  throw new TypeError(
    `Cannot train on "${images}" with maps "${maps}": they are of images ` +
      (exifOrientation
        ? "as they are stored, and --exif-orientation turns these"
        : "turned by their EXIF orientation, as --exif-orientation turns these too"),
  );
}

/** Refuses to take probabilities of independent classes for those of classes that exclude each other. */
function checkScores(
  { metadata: { scores = "softmax" } }: TrainingMaps,
  { images, maps, loss }: RequestedSettings,
): void {
  if (scores === "softmax" || loss !== "ce") return;
  throw new TypeError(
    `Cannot train on "${images}" with maps "${maps}" by cross-entropy: their scores are ${scores}, of classes that do not ` +
      "exclude each other; --loss bce or --loss asl can be of these",
  );
}

/** Refuses numbers of classes that cannot be trained. */
function checkClasses(count: number, { keys, labels }: ImageStore, { images, loss }: RequestedSettings): void {
  const subject = `Cannot train on "${images}"`;
  if (count > MOST_CLASSES) {
    const label = count - 1;
    throw new RangeError(
      `${subject}: label ${label} of ${showValue(keys[labels.indexOf(label)])} would make ${formatCount(count)} ` +
        `classes, at most ${formatCount(MOST_CLASSES)} are trained`,
    );
  }
  if (loss === "ce" && count < 2) {
    throw new RangeError(`${subject}: cross-entropy tells classes apart, and there is 1: --loss bce can be of one`);
  }
}

function bytesOf(path: string): number {
  return withSubject(`Cannot look at "${path}"`, () => Deno.statSync(path).size);
}

function imageAt({ keys, bytes }: ImageStore, index: number): SourceImage {
  return { key: keys[index], label: null, bytes: bytes[index] };
}

/**
 * Reads a list of keys.
 *
 * @param path The file, a key a line.
 * @param known The keys of all images.
 * @returns The keys.
 * @throws {RangeError} If one of them is of no image.
 * @throws {Error} If the file cannot be read.
 */
export function readKeys(path: string, known: readonly string[]): ReadonlySet<string> {
  const subject = `Cannot read keys from "${path}"`;
  const keys = new Set(readText(path, subject).split(/\r?\n/).filter((line) => line !== ""));
  const all = new Set(known);
  const unknown = [...keys].filter((key) => !all.has(key));
  if (unknown.length > 0) {
    throw new RangeError(
      `${subject}: ${formatCount(unknown.length)} of ${formatCount(keys.size)} name no image, the first "${
        unknown[0]
      }"`,
    );
  }
  return keys;
}

function imageClasses({ classes, labels }: ImageStore): Classes {
  if (classes) return { count: classes.length, names: { name: classes } };
  return { count: labels.reduce((most, label) => Math.max(most, label), 0) + 1 };
}

function mapClasses({ metadata, classes }: TrainingMaps): Classes {
  return { count: metadata.classes, names: classes };
}

async function rowsOf(keys: readonly string[], maps: TrainingMaps): Promise<Int32Array> {
  const rows = new Int32Array(keys.length);
  for (const [index, key] of keys.entries()) rows[index] = await maps.indexOf(key) ?? -1;
  return rows;
}

/** The best class of each image's whole map. */
async function bestClasses(
  used: readonly number[],
  rows: Int32Array,
  maps: TrainingMaps,
): Promise<Map<number, number>> {
  const best = new Map<number, number>();
  // In the order of the file, which is read a page at a time.
  for (const index of used.toSorted((a, b) => rows[a] - rows[b])) {
    best.set(index, (await maps.get(rows[index])).topClass[0]);
  }
  return best;
}

/** The labels of images as maps count them: by the names of the classes, where the images have names. */
function labelsAmong({ classes, labels }: ImageStore, maps: TrainingMaps, subject: string): Int32Array<ArrayBuffer> {
  const { count, names } = mapClasses(maps);
  if (classes !== null) {
    const indices = mapNames(classes, { classes: count, classNames: names }, { subject, isOrdered: true });
    return labels.map((label) => label < 0 ? label : indices[label]);
  }
  const most = labels.reduce((most, label) => Math.max(most, label), -1);
  if (most < count) return labels;
  throw new RangeError(
    `${subject}: an image has the label ${most}, and the maps have ${formatNumberOf(count, "class", "classes")}`,
  );
}

function withoutExtension(key: string): string {
  return key.replace(/\.[^./]*$/, "");
}
