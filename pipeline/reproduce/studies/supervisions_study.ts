/**
 * Studies of supervisions: all of them, or the four of the paper's table 2, beside the original labels.
 *
 * @module
 */

import { confidenceChart, overlapChart } from "../../charts/crop_charts.ts";
import { meansChart } from "../charts.ts";
import { seedFolders } from "../folders.ts";
import type { Scale, Study, StudyPlan, StudyResult } from "../study_plan.ts";
import { resultLines, resultMarkdown, type ResultRow, resultsCsv, runsCsv, tableOf } from "../results.ts";
import { sampleCrops } from "../sample_crops.ts";
import { type Arm, studentOptions, type StudentOutcomes, trainStudents, writeTrainingMaps } from "../students.ts";
import { type SupervisionName, supervisionNames, SUPERVISIONS } from "../supervisions.ts";
import type { MiniatureWatch } from "../watch.ts";

/**
 * A supervision as a kind of student.
 *
 * @param plan Folder and recipe.
 * @param name The supervision.
 * @returns The students.
 */
export function supervisionArm<Name extends SupervisionName>(
  { output, recipe: { annotator, temperature, data, training } }: StudyPlan,
  name: Name,
): Arm & { readonly name: Name } {
  const { title, options } = SUPERVISIONS[name];
  return {
    name,
    title,
    settings(seed) {
      const { maps, masks } = seedFolders(output, seed);
      return options({
        maps,
        masks,
        teacher: annotator,
        temperature,
        classes: data.classes.length,
        size: training.size!,
      });
    },
  };
}

/**
 * Trains students of each supervision and tests them, or what of that is not done yet.
 *
 * @param plan What is compared.
 * @param watch Progress and signals.
 * @returns What they said of the test images.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export function compareSupervisions(
  plan: StudyPlan,
  watch: MiniatureWatch,
): Promise<StudentOutcomes<SupervisionName>> {
  return trainStudents(plan, {
    arms: plan.supervisions.map((name) => supervisionArm(plan, name)),
    prepare: (seed) => writeTrainingMaps(plan, seed, watch),
  }, watch);
}

/**
 * Accuracy by supervision, with its standard errors.
 *
 * @param rows The results.
 * @returns The chart as SVG.
 */
export function accuracyChart(rows: readonly ResultRow[]): string {
  return meansChart({
    title: "Accuracy on test images by supervision",
    axis: "accuracy, % (+- standard error)",
    things: rows.map(({ title }) => title),
    measures: [
      { name: "top-1", means: rows.map(({ comparison }) => comparison.top1) },
      { name: "ReaL", means: rows.map(({ comparison }) => comparison.real) },
    ],
  });
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, seeds: [seed] } = plan;
  const study = await compareSupervisions(plan, watch);
  watch.tell("Crops and charts");
  const options = await studentOptions(plan, seed, supervisionArm(plan, "local-multi"));
  const crops = await sampleCrops(options, seedFolders(output, seed).scenes, plan.recipe.data);
  const rows = tableOf(plan, study);
  return {
    files: {
      "results.csv": resultsCsv(rows),
      "runs.csv": runsCsv(plan, study),
      "results.md": resultMarkdown(rows, { plan, study, crops }),
      "accuracy.svg": accuracyChart(rows),
      "overlap.svg": overlapChart(crops),
      "confidence.svg": confidenceChart(crops),
    },
    lines: resultLines(rows, { plan, study, crops }),
  };
}

/** The paper's table 2. */
const FACTORS: readonly SupervisionName[] = [
  "original",
  "global-single",
  "global-multi",
  "local-single",
  "local-multi",
];

function studyOf(title: string, supervisions: Readonly<Record<Scale, readonly SupervisionName[]>>): Study {
  return { title, supervisions, run };
}

/** The study of all supervisions. */
export const SUPERVISIONS_STUDY = studyOf("supervisions, as the paper's tables 1 to 3 and figures 2 and 5", {
  whole: supervisionNames,
  quick: ["original", "local-multi"],
});

/** The study of the paper's table 2. */
export const FACTORS_STUDY = studyOf("localized or global, multi-labels or single ones: table 2", {
  whole: FACTORS,
  quick: FACTORS,
});
