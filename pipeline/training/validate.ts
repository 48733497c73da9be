/**
 * How good a state of a training is on images that it does not see.
 *
 * @module
 */

import { join } from "@std/path";
import type { ImageSurvey } from "../../formats/images/mod.ts";
import type { RejectedImage } from "../../formats/labels/mod.ts";
import { createClassifier } from "../../kernels/programs/classifier.ts";
import type { Device } from "../../kernels/engine/device.ts";
import type { Network } from "../../kernels/operations/network.ts";
import { openDataSet } from "../evaluation/data_set.ts";
import type { ModelClasses } from "../evaluation/map_classes.ts";
import { rankOf } from "../evaluation/rank.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { createFitting } from "../model/model.ts";
import { shareOf, together } from "../command/shared_work.ts";
import { unlessAborted } from "../command/until_aborted.ts";
import type { TrainingState } from "../../kernels/programs/training/training_state.ts";
import { weightsOf } from "./checkpoint.ts";
import { type ImageStoreOptions, openImageStore } from "./image_store.ts";
import type { TrainingSettings } from "./settings.ts";
import { shareState } from "./share_state.ts";
import type { Evaluation } from "./summary_file.ts";
import { closing } from "../../formats/base/closing.ts";

/** Images of a step: what the device can hold in training it can hold here, and more at once gains little. */
const MOST_IMAGES = 32;

/** Images that states are evaluated on. */
export interface Validation {
  /** How many of them have a label. */
  readonly images: number;
  /** What their source says of itself. */
  readonly survey: ImageSurvey;
  /**
   * Evaluates a state on all images that can be decoded; of several ranks, each on its share of them, all with rank 0's state.
   *
   * @throws {Error} If none can be.
   * @throws {unknown} The signal's reason, if that breaks it off.
   */
  evaluate(state: TrainingState, signal?: AbortSignal): Promise<Evaluation>;
  close(): void;
}

/**
 * Opens the validation images that the options name.
 *
 * @param device The device that classifies them.
 * @param options The training's.
 * @param model The network and its classes, where images are decoded, and the ranks that share them.
 * @returns The validation images, undefined if the options name none; call `close` when done.
 * @throws {TypeError} If a class of theirs is none of the network's, or none has a label.
 */
export async function openValidation(
  device: Device,
  options: TrainingSettings,
  { network, store, onRejected, ranks, ...classes }: ModelClasses & {
    readonly network: Network;
    readonly store: ImageStoreOptions;
    /** Told of each image that cannot be decoded, whenever it is to be. */
    readonly onRejected: (image: RejectedImage) => void;
    readonly ranks?: Communicator;
  },
): Promise<Validation | undefined> {
  const { validation: path, size, mean, std, interpolation, cropPct, half } = options;
  if (path === undefined) return undefined;
  const { truthOf } = await openDataSet(path, classes);
  const images = await openImageStore(path, { ...store, cache: undefined });
  const truths = Array.from(images.labels, (label, index) => ({
    index,
    label: truthOf({ index, key: images.keys[index], label: label < 0 ? null : label, bytes: { path } })?.label,
  })).filter((truth): truth is { index: number; label: number } => truth.label !== undefined);
  if (truths.length === 0) throw new TypeError(`Cannot validate on "${path}": no image has a label`);
  const cover = cropPct === 1 ? undefined : [Math.floor(size[0] / cropPct), Math.floor(size[1] / cropPct)] as const;

  /** The image, undefined if it cannot be decoded. */
  async function decode({ index, label }: { index: number; label: number }) {
    try {
      return { index, label, image: await images.decode(index) };
    } catch (error) {
      if (error instanceof Deno.errors.NotSupported) throw error;
      onRejected({ index, key: join(path!, images.keys[index]), reason: (error as Error).message });
      return undefined;
    }
  }

  return {
    images: truths.length,
    survey: images.survey,
    close: images.close,
    async evaluate(state, signal) {
      const parameters = weightsOf(state);
      if (ranks) await shareState(ranks, parameters);
      const { start, end } = shareOf(ranks, truths.length);
      const own = truths.slice(start, end);
      const settings = { network, parameters, size, cover, mean, std, interpolation };
      using classifier = closing(
        await createFitting(
          device.capabilities,
          (batch) => createClassifier(device, { ...settings, storage: half ? "f16" : "f32", batch }),
          Math.min(options.batch, MOST_IMAGES),
        ),
      );
      const load = (first: number) => Promise.all(own.slice(first, first + classifier.batch).map(decode));
      const sums = new Float64Array(4);
      let next = load(0);
      for (let first = 0; first < own.length; first += classifier.batch) {
        const decoded = (await unlessAborted(next, signal)).filter((found) => found !== undefined);
        const read = await classifier.start(decoded.map(({ image }) => image), { signal });
        decoded.forEach(({ index, image }) => images.release(index, image));
        next = load(first + classifier.batch);
        // It is thrown in its turn.
        next.catch(() => {});
        (await read()).forEach((logits, place) => {
          const { label } = decoded[place];
          const rank = rankOf(logits, label);
          [1, crossEntropy(logits, label), +(rank < 1), +(rank < 5)].forEach((value, at) => sums[at] += value);
        });
      }
      await ranks?.sum(sums);
      const [count, loss, top1, top5] = sums;
      await together(ranks, () => {
        if (count === 0) throw new Error(`Cannot validate on "${path}": no image can be decoded`);
      });
      return { loss: loss / count, top1: 100 * top1 / count, top5: 100 * top5 / count };
    },
  };
}

/** -log softmax at the label. */
function crossEntropy(logits: Float32Array, label: number): number {
  const most = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most - logits[label];
}
