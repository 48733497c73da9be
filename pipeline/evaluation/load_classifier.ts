/**
 * From the name of a model to something that classifies images.
 *
 * @module
 */

import type { Annotator, ClassNames } from "../../formats/labels/mod.ts";
import type { AnnotatorFolder } from "../../formats/weights/mod.ts";
import { type ClassifierSettings, createClassifier } from "../../kernels/programs/classifier.ts";
import { closeDevice, type Device } from "../../kernels/engine/device.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { buildNetwork } from "../../kernels/networks/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { createSignAttack } from "../../kernels/programs/sign_attack.ts";
import { classNamesOf, createFitting, type DownloadWatch, openModel } from "../model/model.ts";
import { openNetworkParameters } from "../model/network_parameters.ts";
import { openQuietDevice } from "../model/quiet_device.ts";
import type { ModelClasses } from "./map_classes.ts";
import { chooseWeights, type WeightChoice } from "./run_weights.ts";
import type { LoadedAnnotator } from "../model/load_annotator.ts";

/** How a classifier is to work. */
export interface ClassifierOptions extends DownloadWatch {
  /** `[H, W]` of the network's input; default what its `config.json` says: `test_input_size`, else `input_size`. */
  readonly size?: Pair;
  /** Whether `test_input_size` and `test_crop_pct` of `config.json` are passed over, as timm's `--use-train-size` does. */
  readonly trainSize?: boolean;
  /**
   * What images are resized to cover before their centre is taken, `[256, 256]` for a shorter side of 256; `"whole"`: all of
   * an image is resized to `size`. Default by the share of the crop in `config.json`: `test_crop_pct`, else `crop_pct`.
   */
  readonly resize?: Pair | "whole";
  /** Which weights of a training run; default those of the file. */
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
export interface ClassifierDescription extends Pick<Annotator, "name" | "sha256" | "mean" | "std" | "interpolation"> {
  /** Null if the file is no training run's, which does not say. */
  readonly weights: WeightChoice | null;
  readonly size: Pair;
  /** Null if all of an image is seen. */
  readonly cover: Pair | null;
  readonly storage: Storage;
  /** How far an attack moves colours, null if images are not attacked. */
  readonly fgsm: number | null;
}

/** What a classifier says of an image: logits `[C]`. */
export interface Classified {
  readonly logits: Float32Array<ArrayBuffer>;
  /** Logits of the attacked images, where images are attacked. */
  readonly attacked?: Float32Array<ArrayBuffer>;
}

/** A classifier that is ready. */
export interface LoadedClassifier extends ModelClasses, Pick<LoadedAnnotator, "batch" | "capabilities" | "close"> {
  /**
   * Starts a step and returns what reads it; `STEPS_IN_FLIGHT` may be in flight.
   *
   * @param images The pixels.
   * @param labels Their classes, -1 for none: what an attack leads away from.
   */
  start(images: readonly Pixels[], labels: readonly number[]): Promise<() => Promise<Classified[]>>;
  readonly description: ClassifierDescription;
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
  using _weights = closing(folder.weights);
  const { name, mean, std, interpolation, classes } = folder;
  const seen = options.trainSize ? { size: folder.inputSize, share: folder.crop.share } : folder.test;
  const { size = seen.size, storage = "f32", fgsm = null } = options;
  const cover = coverOf(folder, { size, share: seen.share }, options.resize);
  const classNames = await classNamesOf(folder, options.classNames);
  const network = buildNetwork(folder.architecture, { classes, size });
  const { weights: chosen, choice: weights } = await chooseWeights(folder.weights, options.weights);
  using _chosen = chosen.path === folder.weights.path ? undefined : closing(chosen);
  const parameters = openNetworkParameters(network, chosen);
  const sha256 = await chosen.sha256();
  using made = new DisposableStack();
  const device = made.adopt(await openQuietDevice(), closeDevice);
  const settings = { network, parameters, size, cover, mean, std, interpolation, storage };
  const { batch, start, close } = await createFitting(
    device.capabilities,
    (batch) => createStepper(device, { ...settings, batch }, fgsm),
    options.batch,
  );
  made.defer(close);
  const opened = made.move();
  return {
    description: { name, sha256, weights, size, cover: cover ?? null, mean, std, interpolation, storage, fgsm },
    classes,
    ...(classNames ? { classNames } : {}),
    capabilities: device.capabilities,
    batch,
    start,
    close: () => opened.dispose(),
  };
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
    async start(images) {
      const read = await start(images);
      return async () => (await read()).map((logits) => ({ logits }));
    },
    close,
  };
}

/** What images are resized to cover; undefined if all of them is seen. */
function coverOf(
  { name, crop: { mode } }: AnnotatorFolder,
  { size, share }: { readonly size: Pair; readonly share: number },
  resize?: Pair | "whole",
): Pair | undefined {
  if (resize === "whole") return undefined;
  const subject = `Cannot load classifier "${name}"`;
  if (resize === undefined) {
    if (mode === "squash" && share === 1) return undefined;
    if (mode !== "center") {
      throw new RangeError(
        `${subject}: its crop_mode is ${mode} with crop_pct ${share}, which is not known here; ` +
          "--whole and --resize say what to see of an image",
      );
    }
    return [Math.floor(size[0] / share), Math.floor(size[1] / share)];
  }
  if (resize[0] < size[0] || resize[1] < size[1]) {
    throw new RangeError(
      `${subject}: images are resized to cover ${resize.join(" x ")}, less than its input of ${size.join(" x ")}`,
    );
  }
  return resize;
}
