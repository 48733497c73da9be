/**
 * The paper's table 10 in small: students of images of which all classes are known, by the classes of the whole image
 * (multi-hot), by label maps of a classifier of several classes (machine) and by maps made of masks (oracle), measured by
 * mAP. Pooled maps of masks say how much of a crop a class has, from which a threshold makes whether it is there; a fourth kind
 * of students is told the shares.
 *
 * The classifier that makes the machine's maps is the recipe's annotator, fine-tuned to several classes by asymmetric loss, on
 * the multi-hot labels of the very images that the students see and at its own size: the paper's is a TResNet that was
 * trained on COCO after another data set.
 *
 * @module
 */

import { join } from "@std/path";
import { closing } from "../../../formats/base/closing.ts";
import { openImages } from "../../../formats/images/mod.ts";
import { openAnnotatorFolder } from "../../../formats/weights/mod.ts";
import { formatCount, formatNumberOf, formatSize } from "../../command/numbers.ts";
import { convertObjects } from "../../convert/convert_objects.ts";
import { masksSource } from "../../convert/object_sources.ts";
import { trainingLine } from "../../training/progress_line.ts";
import { runTraining } from "../../training/run_training.ts";
import type { GivenSettings } from "../../training/settings.ts";
import { PRESENCE_THRESHOLD } from "../../training/settings_of_maps.ts";
import { type EvaluationMeasure, measuresOf } from "../../training/summary_file.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult, type MeasuredRow } from "../measured_table.ts";
import { meanOf } from "../outcome_statistics.ts";
import { type Arm, describeTraining, studentOptions, writeTrainingImages, writeTrainingMaps } from "../students.ts";
import type { Study, StudyPlan, StudyResult } from "../study_plan.ts";
import type { MiniatureWatch } from "../watch.ts";

/** Cells of the maps made of masks, 4 x 4 pixels each of a scene. */
const GRID = [16, 16] as const;

/** How the annotator is fine-tuned, and what share of the students' epochs it sees. */
const ANNOTATOR = {
  settings: { loss: "asl", optimizer: "adamp", lr: 1e-3, weightDecay: 0.01, scale: [0.5, 1] } satisfies GivenSettings,
  epochs: 1 / 4,
};

/** How students learn from maps of classes that do not exclude each other: by the loss of multi-hot labels. */
const POOLED = { labels: "relabel", loss: "bce", classReduction: "sum" } as const;

/** The places of a seed that only this study has. */
function placesOf({ output }: StudyPlan, seed: number) {
  const { student, scenes, masks, images } = seedFolders(output, seed);
  return { scenes, images, masks, machine: student("machine-maps"), oracle: student("oracle-maps") };
}

/** The folder of the test images. */
function testFolder({ output }: StudyPlan): string {
  return join(output, "test");
}

/** What the images of a split show. */
function multiHot(scenes: string): GivenSettings {
  return { multiLabel: join(scenes, "real.json"), classes: join(scenes, "classes.txt") };
}

/** The students, in the order of the paper's table. */
function armsOf(plan: StudyPlan): readonly Arm[] {
  const of = (seed: number) => placesOf(plan, seed);
  return [
    { name: "multi-hot", title: "multi-hot labels", settings: (seed) => multiHot(of(seed).scenes) },
    { name: "machine", title: "machine maps", settings: (seed) => ({ ...POOLED, maps: of(seed).machine }) },
    {
      name: "oracle",
      title: "oracle maps, 0 or 1",
      settings: (seed) => ({ ...POOLED, maps: of(seed).oracle, presenceThreshold: PRESENCE_THRESHOLD }),
    },
    { name: "oracle-shares", title: "oracle maps, shares", settings: (seed) => ({ ...POOLED, maps: of(seed).oracle }) },
  ];
}

/** The recipe's annotator, made one of several classes. */
async function annotatorArm(plan: StudyPlan): Promise<Arm> {
  const { annotator, annotatorSize, training: { epochs = 1 } } = plan.recipe;
  const { architecture, weights } = await openAnnotatorFolder(annotator);
  weights.close();
  return {
    name: "multi-label-annotator",
    title: "several classes, to make maps",
    settings: (seed) => ({
      ...multiHot(placesOf(plan, seed).scenes),
      ...ANNOTATOR.settings,
      network: architecture,
      init: annotator,
      size: annotatorSize,
      epochs: Math.ceil(ANNOTATOR.epochs * epochs),
    }),
  };
}

/** Trains a student, or finds that this was done; returns its run and how good it is on the test images. */
async function trainMeasured(
  plan: StudyPlan,
  { arm, seed }: { readonly arm: Arm; readonly seed: number },
  watch: MiniatureWatch,
): Promise<{ readonly run: string; readonly measures: readonly EvaluationMeasure[] }> {
  const { signal, show, tell } = watch;
  const test = testFolder(plan);
  const settings = arm.settings(seed);
  const measured: GivenSettings = {
    validation: join(test, "images"),
    validationMultiLabel: join(test, "real.json"),
    validateEvery: settings.epochs ?? plan.recipe.training.epochs,
  };
  const options = await studentOptions(plan, seed, { ...arm, settings: () => ({ ...settings, ...measured }) });
  tell(describeTraining(options, arm));
  const result = await runTraining(options, { signal, onProgress: (state) => show(trainingLine(state)) });
  if (result === undefined || result.stopped) throw signal.reason;
  const measures = measuresOf(result.epochs[result.epochs.length - 1].evaluation!);
  tell(`  ${measures[0].title} ${measures[0].percent.toFixed(1)} % on the test images`);
  return { run: options.output, measures };
}

/** Writes the maps of a seed's images that masks make. */
async function writeOracleMaps(plan: StudyPlan, seed: number, watch: MiniatureWatch): Promise<void> {
  const { masks, oracle } = placesOf(plan, seed);
  const { classes } = plan.recipe.data;
  watch.tell("Label maps of these by their masks");
  using source = closing(
    await masksSource(await openImages(masks), {
      grid: GRID,
      classes: { count: classes.length, names: { name: classes } },
    }),
  );
  await convertObjects(source, oracle, {
    rule: "any",
    grid: GRID,
    container: "parquet",
    rowsPerFile: 500,
    strict: true,
    signal: watch.signal,
    onProgress: watch.counter(),
  });
  watch.signal.throwIfAborted();
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, recipe, seeds } = plan;
  const { data, testImages, trainImages, leastObjects, training } = recipe;
  watch.tell(`Images: ${formatCount(testImages)} of 1 or more objects to test on, which no training sees`);
  await data.write(testFolder(plan), { split: "test", start: 0, images: testImages }, watch);
  const annotator = await annotatorArm(plan);
  const arms = armsOf(plan);
  const found = new Map([annotator, ...arms].map(({ name }) => [name, [] as (readonly EvaluationMeasure[])[]]));
  for (const seed of seeds) {
    await writeTrainingImages(plan, seed, watch);
    const made = await trainMeasured(plan, { arm: annotator, seed }, watch);
    found.get(annotator.name)!.push(made.measures);
    const { machine: maps } = placesOf(plan, seed);
    await writeTrainingMaps(plan, seed, watch, { maps, reference: made.run, k: data.classes.length });
    await writeOracleMaps(plan, seed, watch);
    for (const arm of arms) found.get(arm.name)!.push((await trainMeasured(plan, { arm, seed }, watch)).measures);
  }
  const valuesOf = (name: string): MeasuredRow["values"] =>
    Object.fromEntries(
      found.get(name)![0].map((measure, place) => [
        measure.name,
        found.get(name)!.map((measures) => measures[place].percent / 100),
      ]),
    );
  return measuredResult({
    title: "Several classes per image: multi-hot labels, machine and oracle maps",
    head: "labels",
    about: [
      `${training.network}, ${formatNumberOf(training.epochs!, "epoch")} of ${
        formatNumberOf(trainImages, "image")
      } of ` +
      `${leastObjects} or more objects, tested on ${
        formatCount(testImages)
      }; binary cross-entropy, summed over classes.`,
    ],
    measures: found.get(annotator.name)![0].map(({ name, title }) => ({ name, title })),
    rows: arms.map(({ name, title }) => ({ name, title, values: valuesOf(name) })),
    baseline: "multi-hot",
    seeds,
    notes: [
      `The annotator of the machine maps has an mAP of ${
        (100 * meanOf(valuesOf(annotator.name).map).value).toFixed(1)
      } % at ${formatSize(recipe.annotatorSize)} pixels`,
      "F1 scores are at a probability of 0.5; shares of the crop's area are mostly below it",
      `A class is in a crop if cells that show it are ${100 * PRESENCE_THRESHOLD} % of it or more`,
    ],
  }, output);
}

/** The study of the paper's table 10. */
export const MULTI_LABEL_STUDY: Study = {
  title: "multi-hot labels, machine and oracle maps of several classes: table 10",
  run,
};
