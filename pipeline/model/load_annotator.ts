/**
 * From the name of an annotator to something that turns pixels into label maps.
 *
 * @module
 */

import {
  type ClassNames,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  labelMapTypes,
  quantiseMap,
} from "../../formats/labels/mod.ts";
import type { AnnotatorFolder, DownloadProgress } from "../../formats/weights/mod.ts";
import { type Annotator, createAnnotator, type PackedLabelMap } from "../../kernels/programs/annotator.ts";
import { type Capabilities, closeDevice, type Device } from "../../kernels/engine/device.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { buildNetwork } from "../../kernels/networks/mod.ts";
import { DEFAULT_RESIZE_RULE, type ResizeRule } from "../../kernels/operations/resize/mod.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { classNamesOf, createFitting, openModel } from "./model.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { loadNetworkParameters } from "./network_parameters.ts";
import { openQuietDevice } from "./quiet_device.ts";
import { resizeEntry } from "./resize_rule.ts";

/** How an annotator works. */
export interface AnnotatorOptions {
  /** `[H, W]` that images are resized to, pixels; default what its `config.json` says. */
  readonly size?: Pair;
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

/** An annotator that is ready to label images. */
export interface LoadedAnnotator {
  /** Metadata of its label maps: grid, k, type of the scores, and the annotator itself. */
  readonly metadata: LabelMapMetadata;
  /** `[H, W]` that its `config.json` says, pixels. */
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
   * @returns Their label maps, in order. Two calls may be in flight.
   * @throws {RangeError} If there are more images than `batch`.
   */
  annotate(images: readonly Pixels[]): Promise<LabelMap[]>;
  /**
   * Starts to label at most `batch` images. {@linkcode annotate} starts and reads; between the two, a program can start
   * the next step: reading blocks the isolate until the device is done.
   *
   * @param images The images; their pixels are free again once this has been awaited.
   *
   * @param options `signal` breaks the step off while large images are resized on the CPU.
   * @returns A function that waits for the step and gives the label maps, in order.
   * @throws {RangeError} If there are more images than `batch`, or two steps are started and not read.
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
 *   `hf:owner/name[@revision]`.
 * @param options What to change.
 * @returns The annotator; close it when done.
 * @throws {Deno.errors.NotFound} If there is no such annotator, or no WebGPU adapter.
 * @throws {TypeError} If one of its files is not valid, or there are not as many names as classes.
 * @throws {RangeError} If its architecture is unknown, or an option is out of range or more than the adapter can do.
 */
export async function loadAnnotator(reference: string, options: AnnotatorOptions = {}): Promise<LoadedAnnotator> {
  const folder = await openModel(reference, options);
  try {
    const { size = folder.inputSize, k = defaultK(folder, options), dtype = "fp16", storage = "f32" } = options;
    checkOptions(folder, { size, k, dtype, batch: options.batch });
    const classNames = await classNamesOf(folder, options.classNames);
    const network = buildNetwork(folder.architecture, { classes: folder.classes, size });
    const parameters = await loadNetworkParameters(network, folder.weights);
    const sha256 = await folder.weights.sha256();
    const device = await openQuietDevice();
    try {
      const { mean, std, interpolation } = folder;
      const { resizeRule = DEFAULT_RESIZE_RULE } = options;
      const packed = dtype === "fp16" ? "fp16" : "fp32";
      const settings = {
        network,
        parameters,
        size,
        mean,
        std,
        interpolation,
        resizeRule,
        k,
        dtype: packed,
        storage,
      } as const;
      const annotator = await createFitting(
        device.capabilities,
        (batch) => createAnnotator(device, { ...settings, batch }),
        options.batch,
      );
      const metadata: LabelMapMetadata = {
        version: 1,
        annotator: { name: folder.name, sha256, inputSize: size, mean, std, interpolation },
        classes: folder.classes,
        k,
        grid: annotator.grid,
        dtype,
        layout: "hw",
        ...(options.exifOrientation ? { exifOrientation: true } : {}),
        ...resizeEntry(resizeRule),
      };
      return {
        metadata,
        ownSize: folder.inputSize,
        ...(classNames ? { classNames } : {}),
        capabilities: device.capabilities,
        storage,
        batch: annotator.batch,
        annotate: async (images) => storedMaps(await annotator.annotate(images), metadata),
        async start(images, options) {
          const read = await annotator.start(images, options);
          return async () => storedMaps(await read(), metadata);
        },
        close: () => close(device, annotator),
      };
    } catch (error) {
      closeDevice(device);
      throw error;
    }
  } finally {
    folder.weights.close();
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
