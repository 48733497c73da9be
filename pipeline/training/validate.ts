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
import { readMultiLabels } from "../evaluation/multi_label_reader.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { createFitting } from "../model/model.ts";
import { shareOf, together } from "../command/shared_work.ts";
import { unlessAborted } from "../command/until_aborted.ts";
import type { TrainingState } from "../../kernels/programs/training/training_state.ts";
import { weightsOf } from "./checkpoint.ts";
import { type ImageStore, type ImageStoreOptions, openImageStore } from "./image_store.ts";
import { type Judge, judgeLabels, judgeMultiLabels } from "./judge.ts";
import type { TrainingSettings } from "./settings.ts";
import { shareState } from "./share_state.ts";
import type { Evaluation } from "./summary_file.ts";
import { readKeys } from "./training_data.ts";
import { closing } from "../../formats/base/closing.ts";

/** Images of a step: what the device can hold in training it can hold here, and more at once gains little. */
const MOST_IMAGES = 32;

/** Images that states are evaluated on. */
export interface Validation {
  /** How many images there are of which it is known what they show. */
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
 * @throws {TypeError} If a class of theirs is none of the network's, or of none is known what it shows.
 * @throws {RangeError} If a key of `validationSubset` is of no image.
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
  const images = await openImageStore(path, { ...store, cache: undefined });
  const { places, judge } = await findTruths(path, options, { images, classes });
  const cover = cropPct === 1 ? undefined : [Math.floor(size[0] / cropPct), Math.floor(size[1] / cropPct)] as const;

  /** The image at a place of those with a truth, undefined if it cannot be decoded. */
  async function decode(place: number) {
    const index = places[place];
    try {
      return { index, place, image: await images.decode(index) };
    } catch (error) {
      if (error instanceof Deno.errors.NotSupported) throw error;
      onRejected({ index, key: join(path!, images.keys[index]), reason: (error as Error).message });
      return undefined;
    }
  }

  return {
    images: places.length,
    survey: images.survey,
    close: images.close,
    async evaluate(state, signal) {
      const parameters = weightsOf(state);
      if (ranks) await shareState(ranks, parameters);
      const { start, end } = shareOf(ranks, places.length);
      const own = Array.from({ length: end - start }, (_, at) => start + at);
      const judged = judge();
      const settings = { network, parameters, size, cover, mean, std, interpolation };
      using classifier = closing(
        await createFitting(
          device.capabilities,
          (batch) => createClassifier(device, { ...settings, storage: half ? "f16" : "f32", batch }),
          Math.min(options.batch, MOST_IMAGES),
        ),
      );
      const load = (first: number) => Promise.all(own.slice(first, first + classifier.batch).map(decode));
      let next = load(0);
      for (let first = 0; first < own.length; first += classifier.batch) {
        const decoded = (await unlessAborted(next, signal)).filter((found) => found !== undefined);
        const read = await classifier.start(decoded.map(({ image }) => image), { signal });
        decoded.forEach(({ index, image }) => images.release(index, image));
        next = load(first + classifier.batch);
        // It is thrown in its turn.
        next.catch(() => {});
        (await read()).forEach((logits, at) => judged.add(decoded[at].place, logits));
      }
      const found = await judged.finish(ranks);
      return await together(ranks, () => {
        if (found === undefined) throw new Error(`Cannot validate on "${path}": no image can be decoded`);
        return found;
      });
    },
  };
}

/** Images of which is known what they show, by their places in the source, and who judges what is said of them. */
interface Truths {
  readonly places: readonly number[];
  judge(): Judge;
}

async function findTruths(
  path: string,
  options: TrainingSettings,
  { images, classes: model }: { readonly images: ImageStore; readonly classes: ModelClasses },
): Promise<Truths> {
  const { validationMultiLabel: file, validationSubset: subset } = options;
  const keys = subset === undefined ? undefined : readKeys(subset, images.keys);
  const isAsked = (index: number) => keys?.has(images.keys[index]) ?? true;
  if (file !== undefined) return await findMultiLabels(path, options, { images, model, file, isAsked });
  const { truthOf } = await openDataSet(path, model);
  const truths = Array.from(images.labels, (label, index) => ({
    index,
    label: truthOf({ index, key: images.keys[index], label: label < 0 ? null : label, bytes: { path } })?.label,
  })).filter((truth): truth is { index: number; label: number } => truth.label !== undefined && isAsked(truth.index));
  if (truths.length === 0) throw new TypeError(`Cannot validate on "${path}": no image has a label`);
  const labels = truths.map(({ label }) => label);
  return { places: truths.map(({ index }) => index), judge: () => judgeLabels(labels) };
}

async function findMultiLabels(
  path: string,
  { loss, aslGammaNegative, aslGammaPositive, aslClip, classReduction: reduction }: TrainingSettings,
  { images: { keys }, model, file, isAsked }: {
    readonly images: ImageStore;
    readonly model: ModelClasses;
    readonly file: string;
    isAsked(index: number): boolean;
  },
): Promise<Truths> {
  const subject = `Cannot validate on "${path}" with "${file}"`;
  const { find } = await readMultiLabels(file, { count: keys.length, first: keys[0] }, { model, subject });
  const found = keys.map((key, index) => find({ index, key })?.classes);
  const places = keys.keys().filter((index) => found[index] !== undefined && isAsked(index)).toArray();
  const truths = places.map((index) => found[index]!);
  if (!truths.some(({ present }) => present.length > 0)) {
    throw new TypeError(
      places.length === 0 ? `${subject}: none of its images is there` : `${subject}: no image shows a class`,
    );
  }
  const focus = loss === "asl"
    ? { gammaNegative: aslGammaNegative, gammaPositive: aslGammaPositive, margin: aslClip }
    : undefined;
  return { places, judge: () => judgeMultiLabels(truths, { classes: model.classes, focus, reduction }) };
}
