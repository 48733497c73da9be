/**
 * A student of the miniature: trained with one supervision, and asked about the test scenes.
 *
 * @module
 */

import { join } from "@std/path";
import { closing } from "../../formats/base/closing.ts";
import { readIfThere, replaceFile } from "../../formats/base/files.ts";
import { openWeights } from "../../formats/weights/mod.ts";
import { type ClassifierOptions, loadClassifier } from "../evaluation/load_classifier.ts";
import { openDataSet } from "../evaluation/data_set.ts";
import { evaluateImages } from "../evaluation/evaluate_images.ts";
import { decisiveSettings, type TrainingSettings } from "../training/settings.ts";
import { trainingLine } from "../training/progress_line.ts";
import type { TrainingResult } from "../training/training_parts.ts";
import { runTraining } from "../training/run_training.ts";
import type { Outcomes } from "./outcome_statistics.ts";
import { outcomesOf, type TestImages } from "./test_images.ts";
import type { MiniatureWatch } from "./watch.ts";

/** What a student says of the test images: `predictions.json` in its folder. */
interface Predictions {
  /** SHA-256 of its weights. */
  readonly weights: string;
  /** What it was trained with. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The class that it takes each image to be of. */
  readonly best: readonly string[];
}

/** Images of a step: small ones, which cost less than a step does. */
const BATCH = 50;

/** Told of a training that ended in this process. */
export type OnTrained = (options: TrainingSettings, result: TrainingResult) => void;

/**
 * Trains a student and tests it, or finds that this was done.
 *
 * @param options How it is trained, and in which folder.
 * @param images What it is asked about.
 * @param watch Progress and signals.
 * @param onTrained Told of the training, unless it was done before.
 * @returns The test images that it is right about.
 * @throws {Error} If the folder was begun with other options, or something cannot be read or written.
 */
export async function trainStudent(
  options: TrainingSettings,
  images: TestImages,
  watch: MiniatureWatch,
  onTrained?: OnTrained,
): Promise<Outcomes> {
  const best = await predictedBefore(options, images) ?? await trainAndPredict(options, images, watch, onTrained);
  return outcomesOf(best, images);
}

async function predictedBefore(
  options: TrainingSettings,
  { keys }: TestImages,
): Promise<readonly string[] | undefined> {
  const text = readIfThere(predictionsFile(options));
  if (text === undefined) return undefined;
  const predictions: Predictions = JSON.parse(text);
  const isSame = JSON.stringify(predictions.options) === JSON.stringify(decisiveSettings(options)) &&
    predictions.best.length === keys.length && predictions.weights === await weightsHash(options);
  return isSame ? predictions.best : undefined;
}

async function trainAndPredict(
  options: TrainingSettings,
  images: TestImages,
  watch: MiniatureWatch,
  onTrained?: OnTrained,
): Promise<readonly string[]> {
  const { signal, show } = watch;
  const result = await runTraining(options, { signal, onProgress: (state) => show(trainingLine(state)) });
  if (result === undefined || result.stopped) throw signal.reason;
  onTrained?.(options, result);
  const best = await predict(options.output, images, watch);
  const predictions: Predictions = {
    weights: await weightsHash(options),
    options: decisiveSettings(options),
    best,
  };
  replaceFile(predictionsFile(options), `${JSON.stringify(predictions)}\n`);
  return best;
}

/**
 * Asks a model about images.
 *
 * @param reference A training run's folder or an annotator's.
 * @param images What it is asked about.
 * @param watch Progress and signals.
 * @param options How it sees them, where that is not by its `config.json`.
 * @returns The class that it takes each image to be of.
 * @throws {Error} If something cannot be read.
 */
export async function predict(
  reference: string,
  { path, keys }: TestImages,
  watch: MiniatureWatch,
  options: Pick<ClassifierOptions, "size" | "resize"> = {},
): Promise<string[]> {
  const best = new Array<string>(keys.length);
  using model = closing(await loadClassifier(reference, { batch: BATCH, ...options }));
  const prediction = {
    add({ index }: { readonly index: number }, { logits }: { readonly logits: Float32Array }) {
      watch.signal.throwIfAborted();
      best[index] = model.classNames!.name[logits.indexOf(Math.max(...logits))];
    },
  };
  await evaluateImages(model, await openDataSet(path, model, "folder"), [prediction], {
    strict: true,
    onProgress: watch.counter(),
  });
  return best;
}

function predictionsFile({ output }: TrainingSettings): string {
  return join(output, "predictions.json");
}

async function weightsHash({ output }: TrainingSettings): Promise<string> {
  using weights = closing(await openWeights(join(output, "model.safetensors")));
  return await weights.sha256();
}
