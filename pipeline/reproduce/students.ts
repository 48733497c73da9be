/**
 * Students that differ in one thing, with all else equal: the same images, weights to begin with, order and crops for each
 * seed.
 *
 * @module
 */

import { join } from "@std/path";
import { openImages } from "../../formats/images/mod.ts";
import { openAnnotatorFolder } from "../../formats/weights/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { type AnnotatorOptions, loadAnnotator } from "../model/load_annotator.ts";
import { formatCount, formatDuration, formatNumberOf, formatSize } from "../command/numbers.ts";
import { type GivenSettings, resolveSettings, type TrainingSettings } from "../training/settings.ts";
import { writeLabelMaps } from "../relabel/write_label_maps.ts";
import { seedFolders } from "./folders.ts";
import { meanOf, type Outcomes } from "./outcome_statistics.ts";
import type { StudyPlan } from "./study_plan.ts";
import { type OnTrained, trainStudent } from "./student.ts";
import { readTestImages, type TestImages } from "./test_images.ts";
import type { MiniatureWatch } from "./watch.ts";

/** A kind of student. */
export interface Arm {
  /** The name of its folder. */
  readonly name: string;
  /** What it is trained with, in tables and charts. */
  readonly title: string;
  /**
   * What its trainings differ in.
   *
   * @param seed The student's seed.
   * @returns Settings beside the recipe's.
   */
  settings(seed: number): GivenSettings;
}

/** What students said of the test images. */
export interface StudentOutcomes<Name extends string = string> {
  /** By the name of the arm, one for each seed. */
  readonly outcomes: ReadonlyMap<Name, readonly Outcomes[]>;
  /** The share of the test labels that are right for who always names the class most likely to be the label. */
  readonly ceiling: number;
  /** What they were asked about. */
  readonly test: TestImages;
}

/**
 * Makes the images, trains the students and tests them, or what of that is not done yet.
 *
 * @param plan Recipe, seeds and folder.
 * @param work The kinds of students; `prepare`, which makes what the trainings of a seed read beside its images;
 *   `onTrained`, which is told of each training that was not done before; and the split that they are tested on.
 * @param watch Progress and signals.
 * @returns What they said.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export async function trainStudents<Name extends string>(
  plan: StudyPlan,
  { arms, prepare, onTrained, testSplit = "test" }: {
    readonly arms: readonly (Arm & { readonly name: Name })[];
    prepare?(seed: number): Promise<void>;
    readonly onTrained?: OnTrained;
    readonly testSplit?: "validation" | "test";
  },
  watch: MiniatureWatch,
): Promise<StudentOutcomes<Name>> {
  const { output, recipe: { data, testImages }, seeds } = plan;
  // What does not fit is said before the first image is made.
  await Promise.all(seeds.flatMap((seed) => arms.map((arm) => studentOptions(plan, seed, arm))));
  watch.tell(`Images: ${formatCount(testImages)} of 1 or more objects to test on, which no training sees`);
  const folder = join(output, testSplit);
  const { ceiling } = await data.write(folder, { split: testSplit, start: 0, images: testImages }, watch);
  const test = await readTestImages(folder, data.classes);
  const outcomes = new Map<Name, Outcomes[]>(arms.map(({ name }) => [name, []]));
  for (const seed of seeds) {
    await writeTrainingImages(plan, seed, watch);
    await prepare?.(seed);
    for (const arm of arms) {
      const options = await studentOptions(plan, seed, arm);
      watch.tell(describeTraining(options, arm));
      const started = performance.now();
      const outcome = await trainStudent(options, test, watch, onTrained);
      outcomes.get(arm.name)!.push(outcome);
      const [right, seconds] = [meanOf(outcome.top1).value, (performance.now() - started) / 1000];
      watch.tell(`  right about ${(100 * right).toFixed(1)} % of the test labels after ${formatDuration(seconds)}`);
    }
  }
  return { outcomes, ceiling, test };
}

/**
 * How a student is trained; it sees colours as the annotator does, which `distill` needs.
 *
 * @param plan Recipe and folder.
 * @param seed The student's seed.
 * @param arm The kind of student.
 * @returns The settings of the training.
 * @throws {Error} If the annotator cannot be read.
 */
export async function studentOptions({ output, recipe }: StudyPlan, seed: number, arm: Arm): Promise<TrainingSettings> {
  const { images, student } = seedFolders(output, seed);
  const { mean, std, weights } = await openAnnotatorFolder(recipe.annotator);
  weights.close();
  return resolveSettings({
    ...recipe.training,
    mean: mean as TrainingSettings["mean"],
    std: std as TrainingSettings["std"],
    seed,
    images,
    output: student(arm.name),
    ...arm.settings(seed),
  });
}

/** What is being trained, for people. */
export function describeTraining({ network, size, epochs, seed }: TrainingSettings, { title }: Arm): string {
  return `Training with ${title}: ${network} at ${formatSize(size)}, ${formatNumberOf(epochs, "epoch")}, seed ${seed}`;
}

/**
 * Writes the images that a seed's students are trained on, or what of them is not there yet.
 *
 * @param plan Recipe and folder.
 * @param seed The seed.
 * @param watch Progress and signals.
 * @throws {Error} If the folder was begun with others, or something cannot be read or written.
 */
export async function writeTrainingImages(
  { output, recipe }: StudyPlan,
  seed: number,
  watch: MiniatureWatch,
): Promise<void> {
  const { data, trainImages: images, leastObjects } = recipe;
  watch.tell(`Images: ${formatCount(images)} of ${leastObjects} or more objects to train on, seed ${seed}`);
  const range = { split: "train", start: seed * images, images, leastObjects } as const;
  await data.write(seedFolders(output, seed).scenes, range, watch);
}

/**
 * Writes label maps of the images that a seed's students are trained on.
 *
 * @param plan Recipe and folder.
 * @param seed The seed.
 * @param watch Progress and signals.
 * @param options The images, the maps' folder, what makes them and how they are stored, where these are not the recipe's.
 * @throws {Error} If the folder was begun otherwise, or something cannot be read or written.
 */
export async function writeTrainingMaps(
  { output, recipe }: StudyPlan,
  seed: number,
  watch: MiniatureWatch,
  {
    images = seedFolders(output, seed).images,
    maps = seedFolders(output, seed).maps,
    reference = recipe.annotator,
    ...stored
  }: AnnotatorOptions & {
    readonly images?: string;
    readonly maps?: string;
    readonly reference?: string;
  } = {},
): Promise<void> {
  watch.tell(`Label maps of these by the annotator in ${reference}`);
  using annotator = closing(await loadAnnotator(reference, { size: recipe.annotatorSize, ...stored }));
  const source = await openImages(images);
  await writeLabelMaps(maps, source, annotator, { signal: watch.signal, onProgress: watch.counter() });
  watch.signal.throwIfAborted();
}
