/**
 * Which weights of a training run a file holds: those after the last update, or their moving average.
 *
 * `last.safetensors` has both, the average as `average.*`. `model.safetensors` and `best.safetensors` have one of them, the
 * average where the run keeps one, and only the checkpoint beside them tells which.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { averagedWeights, openWeights, type Weights } from "../../formats/weights/mod.ts";
import { absent } from "../../formats/base/files.ts";

/** Which of a training run's weights: the last update's, or their moving average. */
export const weightChoices = ["trained", "average"] as const;

/** One of {@linkcode weightChoices}. */
export type WeightChoice = typeof weightChoices[number];

/** Weights, and which they are: null where the file is no training run's, which does not say. */
export interface ChosenWeights {
  readonly weights: Weights;
  readonly choice: WeightChoice | null;
}

/**
 * Chooses among the weights of a training run.
 *
 * @param weights The open file that the model's folder leads to.
 * @param wanted Which, or undefined for those of the file.
 * @returns The file, or another of the run's, which the caller closes too.
 * @throws {TypeError} If the run has none of that kind.
 */
export async function chooseWeights(weights: Weights, wanted: WeightChoice | undefined): Promise<ChosenWeights> {
  if (isCheckpoint(weights)) return fromCheckpoint(weights, wanted ?? "trained");
  const last = await openLast(weights.path);
  if (!last) return { weights: wanted === "average" ? averagedWeights(weights) : weights, choice: null };
  const held: WeightChoice = hasAverages(last) ? "average" : "trained";
  using opened = new DisposableStack();
  opened.defer(last.close);
  if (wanted === undefined || wanted === held) return { weights, choice: held };
  if (wanted === "average") {
    throw new TypeError(`Cannot load averaged weights of "${weights.path}": its run was trained without --ema`);
  }
  if (basename(weights.path) !== MODEL) {
    throw new TypeError(
      `Cannot load trained weights of "${weights.path}": of that epoch only their average is kept; ` +
        `"${last.path}" has the last ones`,
    );
  }
  opened.move();
  return fromCheckpoint(last, "trained");
}

/** What a run writes after an epoch, and its checkpoint. */
const [MODEL, BEST, LAST] = ["model.safetensors", "best.safetensors", "last.safetensors"];

function fromCheckpoint(weights: Weights, choice: WeightChoice): ChosenWeights {
  return { weights: choice === "average" ? averagedWeights(weights) : weights, choice };
}

/** The checkpoint of the run that a file is of; undefined if it is of none. */
async function openLast(path: string): Promise<Weights | undefined> {
  if (![MODEL, BEST].includes(basename(path))) return undefined;
  const last = await openWeights(join(dirname(path), LAST)).catch(absent);
  if (last && isCheckpoint(last)) return last;
  last?.close();
  return undefined;
}

/** What a run goes on from has the state of its optimizer. */
function isCheckpoint(weights: Weights): boolean {
  return weights.names.includes("control") || hasAverages(weights);
}

function hasAverages({ names }: Weights): boolean {
  return names.some((name) => name.startsWith("average."));
}
