/**
 * From the name of an annotator to something that turns pixels into label maps.
 *
 * @module
 */

import {
  type ClassNames,
  type LabelMapBatch,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  labelMapTypes,
  mapFormat,
  quantiseMap,
} from "../../formats/labels/mod.ts";
import type { AnnotatorFolder, DownloadProgress } from "../../formats/weights/mod.ts";
import {
  type Annotator,
  type AnnotatorMember,
  type AnnotatorSettings,
  createAnnotator,
  type PackedLabelMap,
} from "../../kernels/programs/annotator.ts";
import { createDenseMaps } from "../../kernels/programs/dense_maps.ts";
import { type Capabilities, closeDevice, type Device } from "../../kernels/engine/device.ts";
import type { ClassGroups } from "../../kernels/operations/class_sums/kernels.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import type { MapAveraging } from "../../kernels/programs/averaged_maps.ts";
import type { LogitKind } from "../../kernels/operations/map_average/reference.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { withClassEmbeddings } from "../../kernels/networks/class_embeddings.ts";
import { buildNetwork } from "../../kernels/networks/mod.ts";
import { DEFAULT_RESIZE_RULE, type ResizeRule } from "../../kernels/operations/resize/mod.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { averagedEntries } from "./averaged_entries.ts";
import { classNamesOf, createFitting, openModel } from "./model.ts";
import { measureFloor } from "./measure_floor.ts";
import type { StoredImage } from "../../formats/images/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { openNetworkParameters } from "./network_parameters.ts";
import { embeddingsEntry, readClassEmbeddings, type ReadEmbeddings } from "./read_class_embeddings.ts";
import { CLASSES_FROM_WORD_NET, groupSynsets, identifiersOf, readWordNet, synsetsOf } from "./word_net.ts";
import { resizeEntry } from "./resize_rule.ts";
import { openTunedDevice, type TuneOptions } from "./tuned_device.ts";

/** How an annotator works. */
export interface AnnotatorOptions extends MapAveraging {
  /**
   * `[H, W]` that images are resized to, pixels, or one number for both; default what its `config.json` says. Of several
   * sizes the maps are averaged.
   */
  readonly size?: number | Pair | readonly Pair[];
  /** Classes kept in each cell; default 5, as in the paper, or all where there are fewer. */
  readonly k?: number;
  /** How scores are stored; default `fp16`. */
  readonly dtype?: LabelMapType;
  /** How activations are stored while computing; default `f32`. */
  readonly storage?: Storage;
  /** Most images of one step; default chosen for the adapter. Results do not depend on it. */
  readonly batch?: number;
  /**
   * Whether images are turned as their EXIF orientation says: `relabel` turns them, `annotate` expects them turned. The
   * label maps record it; default false.
   */
  readonly exifOrientation?: boolean;
  /** The version of Pillow to whose bits images are resized, which the label maps record; default `Pillow 13`. */
  readonly resizeRule?: ResizeRule;
  /**
   * A file of weights with one tensor `[classes, channels]`: the logit of a class is the cosine between its vector and what
   * the annotator's head gives, or its feature map, whichever is as wide, times `embeddingScale`.
   */
  readonly classEmbeddings?: string;
  /** Factor of those cosines; default 100. */
  readonly embeddingScale?: number;
  /**
   * What logits are of: classes that exclude each other (`softmax`), or independent ones (`sigmoid`); default what its
   * `config.json` says, else `softmax`.
   */
  readonly scores?: LogitKind;
  /** The logit that classes of `sigmoid` maps stand for which a cell does not keep; default as `floorFrom` says. */
  readonly floor?: number;
  /** Where the floor is from, if none is given: maps that are gone on with, or else images that stand for those to label. */
  readonly floorFrom?: { readonly maps?: number; readonly images: AsyncIterable<StoredImage> };
  /**
   * Classes by WordNet's identifiers, to which those of a classifier of one of ImageNet's larger lists (21,841, 21,843,
   * 11,821, ...) are summed: each to the nearest that it is, or is a kind of. They become the names of the classes.
   */
  readonly classesFrom?: ClassNames;
  /**
   * How kernels are chosen among those that give the same bits, which reads the environment and the user's cache; default by
   * the shape.
   */
  readonly tune?: TuneOptions;
  /** Names of the classes; default those of the annotator's folder, else ImageNet's where there are 1,000. */
  readonly classNames?: ClassNames;
  /** Called while an `hf:` annotator is downloaded. */
  readonly onDownload?: (progress: DownloadProgress) => void;
  /**
   * Called with one sentence for each choice that was made: a copy in the hub's cache, one of several sets of weights,
   * fewer classes than asked for.
   */
  readonly onWarning?: (message: string) => void;
}

/** Classes kept in each cell, unless asked for otherwise or the annotator has fewer. */
const DEFAULT_K = 5;

/** The label map of one image: the columns of a row that do not depend on where the image is from. */
export type LabelMap = Pick<LabelMapRow, "class" | "score" | "topClass" | "topProbability">;

/** The label map of one image with what its arrays are: it can be pooled as it is. */
export type AnnotatedMap = LabelMap & LabelMapBatch;

/** An annotator that is ready to label images. */
export interface LoadedAnnotator {
  /** Metadata of its label maps: grid, k, type of the scores, and the annotator itself. */
  readonly metadata: LabelMapMetadata;
  /** `[H, W]` that its `config.json` says, or that of the first of several, pixels. */
  readonly ownSize: Pair;
  /** Names of its classes, where they are known. */
  readonly classNames?: ClassNames;
  /** Capabilities of the adapter that computes. */
  readonly capabilities: Capabilities;
  /** How activations are stored while computing. */
  readonly storage: Storage;
  /** Most images of one call. */
  readonly batch: number;
  /**
   * Labels at most `batch` images.
   *
   * @param images The images; their pixels must not change until the label maps are there.
   * @returns Their label maps, in order. `STEPS_IN_FLIGHT` calls may be in flight.
   * @throws {RangeError} If there are more images than `batch`.
   * @throws {Deno.errors.BadResource} If the annotator is closed.
   */
  annotate(images: readonly Pixels[]): Promise<AnnotatedMap[]>;
  /**
   * Starts to label at most `batch` images. {@linkcode annotate} starts and reads; between the two, a program can start
   * the next step: reading blocks the isolate until the device is done.
   *
   * @param images The images; their pixels are free again once this has been awaited.
   *
   * @param options `signal` breaks the step off while large images are resized on the CPU.
   * @returns A function that waits for the step and gives the label maps, in order.
   * @throws {RangeError} If there are more images than `batch`, or `STEPS_IN_FLIGHT` steps are started and not
   * read.
   * @throws {Deno.errors.BadResource} If the annotator is closed.
   * @throws {unknown} The signal's reason, if that breaks it off.
   */
  start(images: readonly Pixels[], options?: { readonly signal?: AbortSignal }): Promise<() => Promise<LabelMap[]>>;
  /** Frees the device. */
  close(): void;
}

/**
 * Loads an annotator.
 *
 * Scores are stored in half precision unless asked for otherwise: half the bytes of the paper's float32, and an error of
 * at most 2^-11 of a logit, less than what another JPEG decoder changes.
 *
 * @param reference A folder with `config.json` and weights, a weight file beside its `config.json`, or
 *   `hf:owner/name[@revision]`; or several, whose maps are averaged.
 * @param options What to change.
 * @returns The annotator; close it when done.
 * @throws {Deno.errors.NotFound} If there is no such annotator, or no WebGPU adapter.
 * @throws {TypeError} If one of its files is not valid, there are not as many names as classes, or several annotators have
 *   other classes.
 * @throws {RangeError} If its architecture is unknown, or an option is out of range or more than the adapter can do.
 */
export async function loadAnnotator(
  reference: string | readonly string[],
  options: AnnotatorOptions = {},
): Promise<LoadedAnnotator> {
  const references = [reference].flat();
  const folders: AnnotatorFolder[] = [];
  try {
    for (const reference of references) folders.push(await openModel(reference, options));
    return await loadFolders(folders, options);
  } finally {
    for (const { weights } of folders) weights.close();
  }
}

async function loadFolders(folders: readonly AnnotatorFolder[], options: AnnotatorOptions): Promise<LoadedAnnotator> {
  if (options.classEmbeddings !== undefined && options.classesFrom) {
    throw new TypeError("Cannot take classes from embeddings and through WordNet at once");
  }
  const embeddings = options.classEmbeddings === undefined
    ? undefined
    : await readClassEmbeddings(options.classEmbeddings, options.embeddingScale);
  if (!embeddings && !options.classesFrom) checkSameClasses(folders);
  const groups = options.classesFrom ? await classGroupsOf(folders, options.classesFrom, options.onWarning) : undefined;
  const folder = { ...folders[0], classes: embeddings?.classes ?? groups?.[0].length ?? folders[0].classes };
  const { k = defaultK(folder, options), dtype = "fp16", storage = "f32" } = options;
  const scores = scoresOf(folders, options);
  const sizes = folders.map(({ inputSize }) => sizesOf(options, inputSize));
  for (const size of sizes.flat()) checkOptions(folder, { size, k, dtype, batch: options.batch });
  const classNames = options.classesFrom ??
    (embeddings && !options.classNames ? undefined : await classNamesOf(folder, options.classNames));
  const members: Member[] = [];
  for (const [index, folder] of folders.entries()) {
    for (const size of sizes[index]) {
      members.push(await loadMember(folder, size, { embeddings, classGroups: groups?.[index] }));
    }
  }
  const { device, keep } = await openTunedDevice(options.tune, options.onWarning);
  try {
    const { resizeRule = DEFAULT_RESIZE_RULE, mirror, average, temperature, grid } = options;
    const averaging = { mirror, average, temperature, grid, scores };
    const [first, ...others] = members.map(({ member }) => member);
    const packed = dtype === "fp16" ? "fp16" : "fp32";
    const settings = { ...first, others, ...averaging, resizeRule, k, dtype: packed, storage } as const;
    const floor = scores === "sigmoid" && k < folder.classes ? await floorOf(device, settings, options) : undefined;
    const annotator = await createFitting(
      device.capabilities,
      (batch) => createAnnotator(device, { ...settings, batch }),
      options.batch,
    );
    keep();
    const recorded = members.map(({ recorded }) => recorded);
    const metadata: LabelMapMetadata = {
      version: 1,
      annotator: recorded[0],
      ...averagedEntries(recorded, averaging, annotator.pooledFrom),
      ...embeddingsEntry(embeddings),
      ...(groups ? { classesFrom: CLASSES_FROM_WORD_NET } : {}),
      classes: folder.classes,
      k,
      grid: annotator.grid,
      dtype,
      layout: "hw",
      ...(scores === "softmax" ? {} : { scores }),
      ...(floor === undefined ? {} : { floor }),
      ...(options.exifOrientation ? { exifOrientation: true } : {}),
      ...resizeEntry(resizeRule),
    };
    let isOpen = true;
    const checkOpen = () => {
      if (!isOpen) throw new Deno.errors.BadResource(`Cannot annotate with "${folder.name}": it is closed`);
    };
    return {
      metadata,
      ownSize: folder.inputSize,
      ...(classNames ? { classNames } : {}),
      capabilities: device.capabilities,
      storage,
      batch: annotator.batch,
      async annotate(images) {
        checkOpen();
        return annotatedMaps(storedMaps(await annotator.annotate(images), metadata), metadata);
      },
      async start(images, options) {
        checkOpen();
        const read = await annotator.start(images, options);
        return async () => storedMaps(await read(), metadata);
      },
      close() {
        if (isOpen) close(device, annotator);
        isOpen = false;
      },
    };
  } catch (error) {
    closeDevice(device);
    throw error;
  }
}

/** What the annotators' logits are of. */
function scoresOf(folders: readonly AnnotatorFolder[], { scores, floor, classesFrom }: AnnotatorOptions): LogitKind {
  const [own, ...others] = folders.map(({ scores = "softmax" }) => scores);
  if (scores === undefined && others.some((other) => other !== own)) {
    throw new TypeError(
      "Cannot average softmax and sigmoid maps, as their config.json have them: say which with scores",
    );
  }
  const said = scores ?? own;
  if (said === "sigmoid" && classesFrom) {
    throw new TypeError("Cannot sum classes through WordNet that are independent: their probabilities do not add up");
  }
  if (said === "softmax" && floor !== undefined) {
    throw new TypeError("Cannot give softmax maps a floor: classes that a cell does not keep have logit 0");
  }
  return said;
}

/** The logit of the classes that cells do not keep. */
async function floorOf(
  device: Device,
  settings: Omit<AnnotatorSettings, "batch">,
  { floorFrom, exifOrientation, ...options }: AnnotatorOptions,
): Promise<number> {
  const floor = options.floor ?? floorFrom?.maps;
  if (floor !== undefined) return floor;
  if (!floorFrom) throw new TypeError("Cannot make sigmoid maps without a floor, or images to measure it on");
  const { k } = settings;
  using maps = closing(await createDenseMaps(device, { ...settings, batch: 1 }));
  return await measureFloor(floorFrom.images, maps, { k, exifOrientation });
}

/** A network at a size, and what label maps record of it. */
interface Member {
  readonly member: AnnotatorMember;
  readonly recorded: LabelMapMetadata["annotator"];
}

async function loadMember(
  folder: AnnotatorFolder,
  size: Pair,
  { embeddings, classGroups }: { embeddings?: ReadEmbeddings; classGroups?: ClassGroups },
): Promise<Member> {
  const { name, architecture, classes, weights, mean, std, interpolation } = folder;
  const network = buildNetwork(architecture, { classes, size });
  const parameters = openNetworkParameters(network, weights);
  const seen = { mean, std, interpolation };
  const made = embeddings ? withClassEmbeddings(network, parameters, embeddings, size) : { network, parameters };
  return {
    member: { ...made, size, ...seen, ...(classGroups ? { classGroups } : {}) },
    recorded: { name, sha256: await weights.sha256(), inputSize: size, ...seen },
  };
}

/** Which classes of each annotator are summed to each of a data set's; tells of those that have none. */
async function classGroupsOf(
  folders: readonly AnnotatorFolder[],
  targets: ClassNames,
  onWarning?: (message: string) => void,
): Promise<ClassGroups[]> {
  const wordNet = await readWordNet();
  const identifiers = identifiersOf(targets, "the classes to sum to");
  return folders.map(({ name, classes }) => {
    const groups = groupSynsets(wordNet, synsetsOf(wordNet, name, classes), identifiers);
    const empty = identifiers.filter((_, index) => groups[index].length === 0);
    if (empty.length === identifiers.length) {
      throw new TypeError(
        `Cannot sum the classes of "${name}" through WordNet: none is a kind of the classes to sum to`,
      );
    }
    if (empty.length > 0) {
      onWarning?.(
        `Annotator "${name}" knows nothing of ${formatNumberOf(empty.length, "class", "classes")}, which no cell has: ${
          empty.slice(0, 8).join(", ")
        }${empty.length > 8 ? ", ..." : ""}`,
      );
    }
    return groups;
  });
}

/** The sizes that were asked for, or the annotator's own. */
function sizesOf({ size }: AnnotatorOptions, own: Pair): readonly Pair[] {
  if (size === undefined) return [own];
  if (typeof size === "number") return [[size, size]];
  return isPair(size) ? [size] : size;
}

function isPair(size: Pair | readonly Pair[]): size is Pair {
  return size.length === 2 && typeof size[0] === "number";
}

/** Refuses annotators that tell other classes apart, as far as they say. */
function checkSameClasses([first, ...others]: readonly AnnotatorFolder[]): void {
  const named = (folder: AnnotatorFolder) => `"${folder.name}"`;
  for (const other of others) {
    const subject = `Cannot average the maps of ${named(first)} and ${named(other)}`;
    if (other.classes !== first.classes) {
      throw new TypeError(`${subject}: they have ${first.classes} and ${other.classes} classes`);
    }
    const place = first.classNames && other.classNames
      ? first.classNames.findIndex((name, index) => name !== other.classNames![index])
      : -1;
    if (place >= 0) {
      throw new TypeError(
        `${subject}: class ${place} is ${showValue(first.classNames![place])} to one and ${
          showValue(other.classNames![place])
        } to the other`,
      );
    }
  }
}

function defaultK({ name, classes }: AnnotatorFolder, { onWarning }: AnnotatorOptions): number {
  if (classes >= DEFAULT_K) return DEFAULT_K;
  onWarning?.(
    `Annotator "${name}" has ${formatNumberOf(classes, "class", "classes")}: cells keep all (top-k ${classes})`,
  );
  return classes;
}

/** Maps with scores as they are stored: the device packs fp32 and fp16, the 8-bit types are made here. */
function storedMaps(maps: readonly PackedLabelMap[], metadata: LabelMapMetadata): LabelMap[] {
  return maps.map((map) => {
    const { score } = map;
    return score instanceof Float32Array
      ? { ...map, score: quantiseMap({ class: map.class, logits: score }, metadata) }
      : map;
  });
}

/**
 * Says of maps what their arrays are.
 *
 * @param maps Label maps of images.
 * @param metadata What they have in common.
 * @returns The maps, each a batch of one.
 */
export function annotatedMaps(maps: readonly LabelMap[], metadata: LabelMapMetadata): AnnotatedMap[] {
  const format = mapFormat(metadata);
  return maps.map((map) => ({ ...format, count: 1, ...map }));
}

function close(device: Device, annotator: Annotator): void {
  annotator.close();
  closeDevice(device);
}

function checkOptions(
  { name, classes }: AnnotatorFolder,
  { size, k, dtype, batch }: { size: Pair; k: number; dtype: LabelMapType; batch?: number },
): void {
  const subject = `Cannot load annotator "${name}"`;
  const isCount = (count: number) => Number.isInteger(count) && count > 0;
  if (!size.every(isCount)) throw new RangeError(`${subject}: size is ${size.join(" x ")}, expected positive integers`);
  if (!isCount(k) || k > classes) {
    throw new RangeError(`${subject}: top-k is ${k}, expected 1 to ${classes}, the number of its classes`);
  }
  if (!labelMapTypes.includes(dtype)) {
    throw new RangeError(`${subject}: dtype is "${dtype}", expected one of ${labelMapTypes.join(", ")}`);
  }
  if (batch !== undefined && !isCount(batch)) {
    throw new RangeError(`${subject}: batch is ${batch}, expected a positive integer`);
  }
}
