/**
 * Training from a program, by the settings that the command has.
 *
 * @module
 */

import { resolveSettings } from "./settings.ts";
import { readSettings } from "./configuration.ts";
import { runTraining } from "./run_training.ts";
import { settingsOfMaps } from "./settings_of_maps.ts";
import type { EpochSummary } from "./summary_file.ts";

/** A setting's value: a list where the command takes several with commas between. */
export type SettingValue = string | number | boolean | readonly (string | number)[];

/** Who watches a training. */
export interface TrainingObserver {
  /** Stops it after a checkpoint, from which it goes on when it is called again. */
  readonly signal?: AbortSignal;
  /** Told of each epoch. */
  readonly onEpoch?: (epoch: EpochSummary) => void;
  /** Told in a sentence of what was chosen, or is unusual. */
  readonly onWarning?: (message: string) => void;
}

/** What became of a training. */
export interface TrainedClassifier {
  /** The run's folder: weights and `config.json` as timm has them, and what else `relabel train` leaves. */
  readonly output: string;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  /** All epochs so far, those of earlier calls too. */
  readonly epochs: readonly EpochSummary[];
  /** Images that cannot be decoded; they are listed in `rejected.jsonl`. */
  readonly rejected: number;
}

/**
 * Trains a classifier from images, on their labels or on label maps, or goes on with a training that was stopped: what
 * `relabel train` does.
 *
 * @param settings Settings by the names of that command's options without dashes, as in `config.yaml` of a run; `images` is
 *   the folder, and `output` that of the run.
 * @param observer A signal, and whom to tell.
 * @returns What was done.
 * @throws {Error} If a setting is unknown or not one that it can be, settings do not fit each other, the data or the folder,
 *   or a file cannot be read or written.
 *
 * @example
 * ```ts
 * import { SAMPLE_IMAGES, trainClassifier } from "./mod.ts";
 *
 * const settings = { network: "resnet8", size: 32, batch: 2, epochs: 1, output: await Deno.makeTempDir() };
 * const { epochs } = await trainClassifier({ images: SAMPLE_IMAGES, ...settings });
 * console.log(epochs[0].trainLoss);
 * ```
 */
export async function trainClassifier(
  settings: Readonly<Record<string, SettingValue>>,
  { signal = new AbortController().signal, ...observer }: TrainingObserver = {},
): Promise<TrainedClassifier> {
  const given = readSettings(settings, "Cannot train");
  const options = resolveSettings({ ...given, ...settingsOfMaps(given) });
  const result = await runTraining(options, { ...observer, signal });
  const { stopped, epochs, rejected } = result ?? { stopped: true, epochs: [], rejected: 0 };
  return { output: options.output, stopped, epochs, rejected };
}
