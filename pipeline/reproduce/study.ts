/**
 * Students of several supervisions, with all else equal: the same images, weights to begin with, order and crops for each
 * seed.
 *
 * @module
 */

import { openImages } from "../../formats/images/mod.ts";
import { openAnnotatorFolder } from "../../formats/weights/mod.ts";
import { loadAnnotator } from "../model/load_annotator.ts";
import { formatCount, formatDuration, formatNumberOf, formatSize } from "../command/numbers.ts";
import { type SceneRange, type ScenesWritten, writeScenes } from "../scenes/write_scenes.ts";
import { resolveSettings, type TrainingSettings } from "../training/settings.ts";
import { writeLabelMaps } from "../relabel/write_label_maps.ts";
import { seedFolders, testFolder } from "./folders.ts";
import type { Recipe } from "./recipe.ts";
import { meanOf, type Outcomes } from "./outcome_statistics.ts";
import { trainStudent } from "./student.ts";
import { type SupervisionName, SUPERVISIONS } from "./supervisions.ts";
import { readTestImages } from "./test_images.ts";
import type { MiniatureWatch } from "./watch.ts";
import { closing } from "../../formats/base/closing.ts";

/** What is to be compared. */
export interface StudyPlan {
  /** The folder of it all. */
  readonly output: string;
  readonly recipe: Recipe;
  /** Seeds of the repetitions; each has its own training images and weights. */
  readonly seeds: readonly number[];
  readonly supervisions: readonly SupervisionName[];
}

/** The findings of a study. */
export interface Study {
  /** Outcomes of each supervision, one for each seed. */
  readonly outcomes: ReadonlyMap<SupervisionName, readonly Outcomes[]>;
  /** The share of the test labels that are right for who always names the class most likely to be the label. */
  readonly ceiling: number;
}

/**
 * Makes the images and label maps, trains the students and tests them, or what of that is not done yet.
 *
 * @param plan What is to be compared.
 * @param watch Progress and signals.
 * @returns What was found.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export async function runStudy(plan: StudyPlan, watch: MiniatureWatch): Promise<Study> {
  const { output, recipe: { testImages }, seeds, supervisions } = plan;
  // What does not fit is said before the first image is made.
  await Promise.all(seeds.flatMap((seed) => supervisions.map((name) => studentOptions(plan, seed, name))));
  watch.tell(`Images: ${formatCount(testImages)} of 1 or more objects to test on, which no training sees`);
  const { ceiling } = await writeSplit(testFolder(output), { split: "test", start: 0, images: testImages }, watch);
  const test = await readTestImages(testFolder(output));
  const outcomes = new Map<SupervisionName, Outcomes[]>(supervisions.map((name) => [name, []]));
  for (const seed of seeds) {
    await writeTrainingData(plan, seed, watch);
    for (const name of supervisions) {
      const options = await studentOptions(plan, seed, name);
      watch.tell(describeTraining(options, name));
      const started = performance.now();
      const outcome = await trainStudent(options, test, watch);
      outcomes.get(name)!.push(outcome);
      const [right, seconds] = [meanOf(outcome.top1).value, (performance.now() - started) / 1000];
      watch.tell(`  right about ${(100 * right).toFixed(1)} % of the test labels after ${formatDuration(seconds)}`);
    }
  }
  return { outcomes, ceiling };
}

/**
 * How a student is trained; it sees colours as the annotator does, which `distill` needs.
 *
 * @param plan Recipe and folder.
 * @param seed The student's seed.
 * @param supervision What the student is trained on.
 * @returns The settings of the training.
 * @throws {Error} If the annotator cannot be read.
 */
export async function studentOptions(
  { output, recipe }: StudyPlan,
  seed: number,
  supervision: SupervisionName,
): Promise<TrainingSettings> {
  const { annotator, temperature, training } = recipe;
  const { images, masks, maps, student } = seedFolders(output, seed);
  const { mean, std, weights } = await openAnnotatorFolder(annotator);
  weights.close();
  return resolveSettings({
    ...training,
    mean: mean as TrainingSettings["mean"],
    std: std as TrainingSettings["std"],
    seed,
    images,
    output: student(supervision),
    ...SUPERVISIONS[supervision].options({ maps, masks, teacher: annotator, temperature }),
  });
}

function describeTraining(
  { network, size, epochs, seed }: TrainingSettings,
  supervision: SupervisionName,
): string {
  return `Training with ${SUPERVISIONS[supervision].title}: ${network} at ${formatSize(size)}, ` +
    `${formatNumberOf(epochs, "epoch")}, seed ${seed}`;
}

/** Writes the scenes that a seed's students are trained on, and their label maps. */
async function writeTrainingData({ output, recipe }: StudyPlan, seed: number, watch: MiniatureWatch): Promise<void> {
  const { trainImages, leastObjects, annotator: reference, annotatorSize: size } = recipe;
  const { scenes, images, maps } = seedFolders(output, seed);
  watch.tell(`Images: ${formatCount(trainImages)} of ${leastObjects} or more objects to train on, seed ${seed}`);
  const range = { split: "train", start: seed * trainImages, images: trainImages, leastObjects } as const;
  await writeSplit(scenes, range, watch);
  watch.tell(`Label maps of these by the annotator in ${reference}`);
  using annotator = closing(await loadAnnotator(reference, { size }));
  const source = await openImages(images);
  await writeLabelMaps(maps, source, annotator, { signal: watch.signal, onProgress: watch.counter() });
  watch.signal.throwIfAborted();
}

async function writeSplit(
  folder: string,
  range: Omit<SceneRange, "seed">,
  watch: MiniatureWatch,
): Promise<ScenesWritten> {
  const written = await writeScenes(folder, { seed: 0, ...range }, {
    signal: watch.signal,
    onProgress: watch.counter(),
  });
  watch.signal.throwIfAborted();
  return written;
}
