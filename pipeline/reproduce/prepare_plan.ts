/**
 * What a study needs before its first student: an annotator, and the temperature of its label maps.
 *
 * @module
 */

import { join } from "@std/path";
import { formatCount, formatNumberOf, formatPercent } from "../command/numbers.ts";
import { trainingLine } from "../training/progress_line.ts";
import { runTraining } from "../training/run_training.ts";
import { resolveSettings } from "../training/settings.ts";
import { seedFolders } from "./folders.ts";
import { meanOf } from "./outcome_statistics.ts";
import { trainStudents, writeTrainingMaps } from "./students.ts";
import type { AnnotatorTraining, Recipe, RecipeDraft, StudyPlan } from "./study_plan.ts";
import type { MiniatureWatch } from "./watch.ts";

/** A plan whose recipe may be a draft. */
export interface PlanDraft extends Omit<StudyPlan, "recipe"> {
  readonly recipe: RecipeDraft;
}

/**
 * Trains the annotator and chooses the temperature where the recipe leaves these open, or finds that it was done.
 *
 * @param draft What a study is to be run with.
 * @param watch Progress and signals.
 * @returns The plan with its recipe complete.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export async function preparePlan(draft: PlanDraft, watch: MiniatureWatch): Promise<StudyPlan> {
  const { annotator, temperature } = draft.recipe;
  const reference = typeof annotator === "string" ? annotator : await trainAnnotator(draft, annotator, watch);
  const recipe = { ...draft.recipe, annotator: reference };
  if (typeof temperature === "number") return { ...draft, recipe: { ...recipe, temperature } };
  const best = await chooseTemperature({ ...draft, recipe: { ...recipe, temperature: 1 } }, temperature, watch);
  return { ...draft, recipe: { ...recipe, temperature: best } };
}

/** Trains an annotator on images of one object each; its folder has the accuracy on others in `summary.csv`. */
async function trainAnnotator(
  { output, recipe: { data } }: PlanDraft,
  { images, testImages, training }: AnnotatorTraining,
  watch: MiniatureWatch,
): Promise<string> {
  const [singles, held, annotator] = ["singles", "singles-test", "annotator"].map((name) => join(output, name));
  watch.tell(
    `Images: ${formatCount(images)} of one object each for the annotator, and ${formatCount(testImages)} to test it on`,
  );
  await data.writeSingles!(singles, { split: "extra", start: 0, images }, watch);
  await data.writeSingles!(held, { split: "test", start: 0, images: testImages }, watch);
  const settings = resolveSettings({
    ...training,
    images: join(singles, "images"),
    validation: join(held, "images"),
    validateEvery: training.epochs,
    output: annotator,
  });
  watch.tell(`Training the annotator: ${settings.network}, ${formatNumberOf(settings.epochs, "epoch")}`);
  const { signal, show } = watch;
  const result = await runTraining(settings, { signal, onProgress: (state) => show(trainingLine(state)) });
  if (result === undefined || result.stopped) throw signal.reason;
  return annotator;
}

/** The temperature with which the first seed's student is right about most validation images. */
async function chooseTemperature(
  plan: StudyPlan,
  temperatures: readonly number[],
  watch: MiniatureWatch,
): Promise<Recipe["temperature"]> {
  const first = { ...plan, seeds: plan.seeds.slice(0, 1) };
  const { outcomes } = await trainStudents(first, {
    arms: temperatures.map((temperature) => ({
      name: `temperature-${temperature}`,
      title: `ReLabel at temperature ${temperature}, for the validation images`,
      settings: (seed) => ({ labels: "relabel", maps: seedFolders(plan.output, seed).maps, temperature }),
    })),
    prepare: (seed) => writeTrainingMaps(first, seed, watch),
    testSplit: "validation",
  }, watch);
  const shares = temperatures.map((temperature) => meanOf(outcomes.get(`temperature-${temperature}`)![0].top1).value);
  const best = temperatures[shares.indexOf(Math.max(...shares))];
  const found = temperatures.map((temperature, place) => `${temperature}: ${formatPercent(shares[place])}`).join(", ");
  watch.tell(`Temperature ${best}, by the top-1 on the validation split (${found})`);
  return best;
}
