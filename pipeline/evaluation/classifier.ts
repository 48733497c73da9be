/**
 * From the name of a model to something that classifies images.
 *
 * @module
 */

import type { ClassNames } from "../../formats/labels/mod.ts";
import { type AnnotatorFolder, averagedWeights, loadParameters } from "../../formats/weights/mod.ts";
import { type ClassifierSettings, createClassifier } from "../../kernels/classifier.ts";
import { type Capabilities, closeDevice, type Device } from "../../kernels/device.ts";
import type { Storage } from "../../kernels/kernel.ts";
import type { Pair } from "../../kernels/network.ts";
import { buildNetwork, parameterShapes } from "../../kernels/networks/mod.ts";
import type { Pixels } from "../../kernels/resizer.ts";
import { createSignAttack } from "../../kernels/sign_attack.ts";
import { classNamesOf, createFitting, type DownloadWatch, openModel } from "../model.ts";
import { openQuietDevice } from "../quiet_device.ts";
import type { ModelClasses } from "./map_classes.ts";

/** Which of a training run's weights: the last update's, or their moving average. */
export type WeightChoice = "trained" | "average";

/** How a classifier is to work. */
export interface ClassifierOptions extends DownloadWatch {
  /** `[H, W]` of the network's input; default what its `config.json` says. */
  readonly size?: Pair;
  /**
   * What images are resized to cover before their centre is taken, `[256, 256]` for a shorter side of 256; `"whole"`: all of
   * an image is resized to `size`. Default by the share of the crop in `config.json`.
   */
  readonly resize?: Pair | "whole";
  readonly weights?: WeightChoice;
  /** How activations are stored while computing; default `f32`. */
  readonly storage?: Storage;
  /** Most images of one step; default by the adapter. Results do not depend on it. */
  readonly batch?: number;
  /** Also attacks images by the fast gradient sign method: how far colours move, as a share of their range. */
  readonly fgsm?: number;
  /** Names of the classes; default those of the model's folder, else ImageNet's where there are 1,000. */
  readonly classNames?: ClassNames;
}

/** What was classified with, for people and for files. */
export interface ClassifierDescription {
  /** Architecture and tag. */
  readonly name: string;
  /** Of the weight file. */
  readonly sha256: string;
  readonly weights: WeightChoice;
  readonly size: Pair;
  /** Null if all of an image is seen. */
  readonly cover: Pair | null;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: string;
  readonly storage: Storage;
  /** How far an attack moves colours, null if images are not attacked. */
  readonly fgsm: number | null;
}

/** What a classifier says of an image: logits `[C]`. */
export interface Classified {
  readonly logits: Float32Array<ArrayBuffer>;
  /** Of the attacked image, where images are attacked. */
  readonly attacked?: Float32Array<ArrayBuffer>;
}

/** A classifier that is ready. */
export interface LoadedClassifier extends ModelClasses {
  /** Most images of a step. */
  readonly batch: number;
  /**
   * Starts a step and returns what reads it; two may be in flight.
   *
   * @param images The pixels.
   * @param labels Their classes, -1 for none: what an attack leads away from.
   */
  start(images: readonly Pixels[], labels: readonly number[]): () => Promise<Classified[]>;
  readonly description: ClassifierDescription;
  /** Of the adapter that computes. */
  readonly capabilities: Capabilities;
  /** Frees the device. */
  close(): void;
}

/**
 * Loads a classifier.
 *
 * @param reference A folder with `config.json` and weights, such as a training run's; a weight file beside its `config.json`;
 *   or `hf:owner/name[@revision]`.
 * @param options What to change.
 * @returns The classifier; close it when done.
 * @throws {Deno.errors.NotFound} If there is no such model, or no WebGPU adapter.
 * @throws {TypeError} If a file of it is wrong, or it has no averaged weights where these are asked for.
 * @throws {RangeError} If its architecture is unknown, or an option is out of range or more than the adapter can do.
 */
export async function loadClassifier(reference: string, options: ClassifierOptions): Promise<LoadedClassifier> {
  const folder = await openModel(reference, options);
  try {
    const { name, mean, std, interpolation, classes } = folder;
    const { size = folder.inputSize, weights = "trained", storage = "f32", fgsm = null } = options;
    const cover = coverOf(folder, size, options.resize);
    const classNames = await classNamesOf(folder, options.classNames);
    const network = buildNetwork(folder.architecture, { classes });
    const file = weights === "average" ? averagedWeights(folder.weights) : folder.weights;
    const parameters = await loadParameters(parameterShapes(network), file);
    const sha256 = await folder.weights.sha256();
    const device = await openQuietDevice();
    try {
      const settings = { network, parameters, size, cover, mean, std, interpolation, storage };
      const { batch, start, close } = await createFitting(
        device.capabilities,
        (batch) => createStepper(device, { ...settings, batch }, fgsm),
        options.batch,
      );
      return {
        description: { name, sha256, weights, size, cover: cover ?? null, mean, std, interpolation, storage, fgsm },
        classes,
        ...(classNames ? { classNames } : {}),
        capabilities: device.capabilities,
        batch,
        start,
        close() {
          close();
          closeDevice(device);
        },
      };
    } catch (error) {
      closeDevice(device);
      throw error;
    }
  } finally {
    folder.weights.close();
  }
}

/** The classifier, or the attack on it, which classifies too. */
async function createStepper(
  device: Device,
  settings: ClassifierSettings,
  epsilon: number | null,
): Promise<Pick<LoadedClassifier, "batch" | "start" | "close">> {
  if (epsilon !== null) return await createSignAttack(device, { ...settings, epsilon });
  const { batch, start, close } = await createClassifier(device, settings);
  return {
    batch,
    start(images) {
      const read = start(images);
      return async () => (await read()).map((logits) => ({ logits }));
    },
    close,
  };
}

/** What images are resized to cover; undefined if all of them is seen. */
function coverOf({ name, crop }: AnnotatorFolder, size: Pair, resize?: Pair | "whole"): Pair | undefined {
  if (resize === "whole") return undefined;
  const subject = `Cannot load classifier "${name}"`;
  if (resize === undefined) {
    if (crop.mode === "squash" && crop.share === 1) return undefined;
    if (crop.mode !== "center") {
      throw new RangeError(
        `${subject}: its crop_mode is ${crop.mode} with crop_pct ${crop.share}, which is not known here; ` +
          "--whole and --resize say what to see of an image",
      );
    }
    return [Math.floor(size[0] / crop.share), Math.floor(size[1] / crop.share)];
  }
  if (resize[0] < size[0] || resize[1] < size[1]) {
    throw new RangeError(
      `${subject}: images are resized to cover ${resize.join(" x ")}, less than its input of ${size.join(" x ")}`,
    );
  }
  return resize;
}
