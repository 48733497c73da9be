/**
 * A classifier for inference: images in, logits out.
 *
 *     pixels -> resize, centre crop, normalise -> network, pooled -> logits [N, C]
 *
 * What is seen of an image is its centre, as classifiers are evaluated (the paper: the shorter side at 256, 224 x 224 of
 * that), or all of it resized, as an annotator sees it.
 *
 * @module
 */

import type { Device } from "../engine/device.ts";
import { createImageProgram, type ImageProgram, logitRows, type StepOptions, targetOf } from "./image_program.ts";
import type { Storage } from "../engine/kernel.ts";
import type { Network, Parameters } from "../operations/network.ts";
import type { Target } from "../operations/shared/tensor.ts";
import { type LoweredNetwork, lowerNetwork } from "../lowering/lower_network.ts";
import type { ResizerSettings } from "./resizer.ts";
import type { Pixels } from "../../formats/base/pixels.ts";

/** What a classifier is made of. */
export interface ClassifierSettings extends ResizerSettings {
  readonly network: Network;
  /** The network's, by timm's names. */
  readonly parameters: Parameters;
  /** Storage of activations; default f32. */
  readonly storage?: Storage;
}

/** A classifier on a device. */
export interface Classifier extends Omit<ImageProgram<Float32Array<ArrayBuffer>>, "run"> {
  readonly classes: number;
  /**
   * The logits `[C]` of each of up to `batch` images, whose pixels are to stay until the promise is settled.
   * `STEPS_IN_FLIGHT` calls may be in flight; one more waits for the first.
   *
   * @throws {RangeError} If there are more images than `batch`.
   */
  classify(images: readonly Pixels[], options?: StepOptions): Promise<Float32Array<ArrayBuffer>[]>;
}

/**
 * Lowers a classifier.
 *
 * @param settings The network; without `parameters` the program can be looked at, not run.
 * @param target Profile and storage.
 * @returns The program; its input is the network's, its output that of the network's pooled head.
 * @throws {RangeError} If the size is too small for the network.
 * @throws {TypeError} If a parameter is missing.
 */
export function lowerClassifier(
  settings: Pick<ClassifierSettings, "network" | "batch" | "size"> & { parameters?: Parameters },
  target: Target,
): LoweredNetwork {
  const { network, parameters, batch, size } = settings;
  return lowerNetwork(network, parameters, { batch, size, head: "pooled", ...target });
}

/**
 * Puts a classifier on a device.
 *
 * @param device The device to run on.
 * @param settings The classifier's network, sizes and storage.
 * @returns The classifier; close it when done.
 * @throws {RangeError} If the size does not fit the network, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing, or f16 is asked for where the adapter has none.
 */
export async function createClassifier(device: Device, settings: ClassifierSettings): Promise<Classifier> {
  const { network, storage = "f32" } = settings;
  const target = targetOf(device, storage);
  const logits = network.pooled.output;
  const program = lowerClassifier(settings, target);
  const classes = network.classifier.outputChannels;
  const onDevice = await createImageProgram(device, program, target, {
    ...settings,
    input: network.input,
    outputs: [logits],
    unpack: logitRows(classes, storage),
  });
  const { run: classify, batch, start, memory, close } = onDevice;
  return { classes, batch, classify, start, memory, close };
}
