/**
 * The study of robustness, the paper's table 7: students of the original labels and of ReLabel on images that one step of FGSM
 * attacks, on images that the annotator is wrong about (as ImageNet-A's are those that a ResNet-50 was wrong about), and on
 * images with ImageNet-C's corruptions.
 *
 * @module
 */

import { join } from "@std/path";
import { closing } from "../../../formats/base/closing.ts";
import { openImages } from "../../../formats/images/mod.ts";
import { formatNumberOf } from "../../command/numbers.ts";
import { csv } from "../../command/text_table.ts";
import { corruptionNames } from "../../corrupt/corruptions.ts";
import { writeCorrupted } from "../../corrupt/write_corrupted.ts";
import { SEVERITIES } from "../../evaluation/corruption_error.ts";
import { openDataSet } from "../../evaluation/data_set.ts";
import { evaluateImages } from "../../evaluation/evaluate_images.ts";
import { loadClassifier } from "../../evaluation/load_classifier.ts";
import { corruptionMeasure, labelMeasure } from "../../evaluation/measures.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult, type MeasuredRow } from "../measured_table.ts";
import { meanOf, type Outcomes } from "../outcome_statistics.ts";
import { predict } from "../student.ts";
import { trainStudents, writeTrainingMaps } from "../students.ts";
import type { Study, StudyPlan, StudyResult } from "../study_plan.ts";
import { outcomesOf, readTestImages } from "../test_images.ts";
import type { MiniatureWatch } from "../watch.ts";
import { supervisionArm } from "./supervisions_study.ts";

/** How far FGSM moves a colour, a share of its range. */
const EPSILON = 8 / 255;

/** One test image of so many is corrupted, in 75 ways. */
const SPARED = 12;

/** Small images: of a step as many as cost less than the step does. */
const BATCH = 50;

const ARMS = ["original", "local-multi"] as const;

/** What a student was right about, shares of 1; `errors` by corruption, means over the severities. */
interface Robustness {
  readonly top1: number;
  readonly fgsm: number;
  readonly hard: number;
  readonly errors: Readonly<Record<string, number>>;
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, recipe, seeds } = plan;
  const { outcomes } = await trainStudents(plan, {
    arms: ARMS.map((name) => supervisionArm(plan, name)),
    prepare: (seed) => writeTrainingMaps(plan, seed, watch),
  }, watch);
  const corrupted = await corruptTestImages(plan, watch);
  const hard = await hardImages(plan, watch);
  const measured = new Map<string, Robustness[]>();
  for (const name of ARMS) {
    const found: Robustness[] = [];
    for (const [place, seed] of seeds.entries()) {
      watch.tell(`Attacked and corrupted images: ${supervisionArm(plan, name).title}, seed ${seed}`);
      const student = seedFolders(output, seed).student(name);
      found.push(await robustnessOf(student, { plan, corrupted, hard, outcomes: outcomes.get(name)![place] }, watch));
    }
    measured.set(name, found);
  }
  const original = measured.get("original")!;
  const rows = ARMS.map((name): MeasuredRow => {
    const found = measured.get(name)!;
    const of = (value: (student: Robustness, place: number) => number) => found.map(value);
    return {
      name,
      title: supervisionArm(plan, name).title,
      values: {
        top1: of(({ top1 }) => top1),
        fgsm: of(({ fgsm }) => fgsm),
        hard: of(({ hard }) => hard),
        corrupted: of(({ errors }) => 1 - mean(Object.values(errors))),
        mce: of(({ errors }, place) =>
          mean(corruptionNames.map((name) => errors[name] / original[place].errors[name]))
        ),
      },
    };
  });
  const result = measuredResult({
    title: "Robustness of students",
    head: "supervision",
    about: [
      `${recipe.training.network}, ${formatNumberOf(recipe.training.epochs!, "epoch")} of ${
        formatNumberOf(recipe.trainImages, "image")
      }; ${formatNumberOf(recipe.testImages, "test image")}, ${
        formatNumberOf(hard.length, "of them hard", "of them hard")
      }, ` +
      `${formatNumberOf(corruptedImages(plan), "of them corrupted", "of them corrupted")} in 75 ways.`,
    ],
    measures: [
      { name: "top1", title: "top-1" },
      { name: "fgsm", title: "top-1, FGSM 8/255" },
      { name: "hard", title: "ReaL, hard images" },
      { name: "corrupted", title: "top-1, corrupted" },
      { name: "mce", title: "mCE" },
    ],
    rows,
    baseline: "original",
    seeds,
    notes: [
      "Hard images are those of which the annotator names a class that they do not show",
      "mCE is the mean over corruptions of the error over that of the student of the original labels with the same seed, as " +
      "ImageNet-C's is over AlexNet's: less is better",
    ],
  }, output);
  return { ...result, files: { ...result.files, "corruptions.csv": corruptionsCsv(plan, measured) } };
}

function mean(values: readonly number[]): number {
  return meanOf(values).value;
}

function corruptedImages({ recipe: { testImages } }: StudyPlan): number {
  return Math.ceil(testImages / SPARED);
}

/** Test images with all corruptions, or what of them is not there yet; returns their folder. */
async function corruptTestImages(plan: StudyPlan, watch: MiniatureWatch): Promise<string> {
  const { output, recipe: { data } } = plan;
  const { path } = await readTestImages(join(output, "test"), data.classes);
  const folder = join(output, "test-corrupted");
  const limit = corruptedImages(plan);
  watch.tell(`Corrupted images: ${formatNumberOf(limit, "test image")} in 75 ways`);
  await writeCorrupted(folder, await openImages(path), {
    corruptions: corruptionNames,
    severities: SEVERITIES,
    seed: 0,
    limit,
    format: "png",
    exifOrientation: false,
    workers: navigator.hardwareConcurrency,
  }, { signal: watch.signal, onProgress: watch.counter() });
  watch.signal.throwIfAborted();
  return folder;
}

/** The test images that the annotator is wrong about. */
async function hardImages({ output, recipe }: StudyPlan, watch: MiniatureWatch): Promise<readonly number[]> {
  watch.tell("What the annotator says of the test images");
  const test = await readTestImages(join(output, "test"), recipe.data.classes);
  const { real } = outcomesOf(await predict(recipe.annotator, test, watch), test);
  return Array.from(real).flatMap((right, image) => right ? [] : [image]);
}

async function robustnessOf(
  student: string,
  { plan: { output }, corrupted, hard, outcomes }: {
    readonly plan: StudyPlan;
    readonly corrupted: string;
    readonly hard: readonly number[];
    readonly outcomes: Outcomes;
  },
  watch: MiniatureWatch,
): Promise<Robustness> {
  const attacked = await attackedAccuracy(student, join(output, "test/images"), watch);
  using model = closing(await loadClassifier(student, { batch: BATCH }));
  const dataSet = await openDataSet(corrupted, model, "imagenet-c");
  const measure = corruptionMeasure({ dataSet, model });
  await evaluateImages(model, dataSet, [stopping(watch), measure], { strict: true, onProgress: watch.counter() });
  const errors = measure.parts().flatMap(({ measure, of, value }) =>
    measure === "error" ? [[of!, value] as const] : []
  );
  return {
    top1: mean(Array.from(outcomes.top1)),
    fgsm: attacked,
    hard: hard.length === 0 ? NaN : mean(hard.map((image) => outcomes.real[image])),
    errors: Object.fromEntries(errors),
  };
}

async function attackedAccuracy(student: string, images: string, watch: MiniatureWatch): Promise<number> {
  using model = closing(await loadClassifier(student, { batch: BATCH, fgsm: EPSILON }));
  const dataSet = await openDataSet(images, model, "folder");
  const measure = labelMeasure({ dataSet, model }, { attacked: true });
  await evaluateImages(model, dataSet, [stopping(watch), measure], { strict: true, onProgress: watch.counter() });
  return measure.figures()[0].value;
}

/** Ends an evaluation when the signal comes. */
function stopping({ signal }: MiniatureWatch) {
  return { add: () => signal.throwIfAborted() };
}

/** The error of each student at each corruption, a mean over the severities. */
function corruptionsCsv({ seeds }: StudyPlan, measured: ReadonlyMap<string, readonly Robustness[]>): string {
  return csv(
    ["name", "seed", ...corruptionNames],
    [...measured].flatMap(([name, found]) =>
      found.map(({ errors }, place) => [name, seeds[place], ...corruptionNames.map((corruption) => errors[corruption])])
    ),
  );
}

/** The study of the paper's table 7. */
export const ROBUSTNESS_STUDY: Study = {
  title: "robustness of students of original labels and of ReLabel: table 7",
  run,
};
