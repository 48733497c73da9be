/**
 * The paper's figure 4: students of annotators that are more and less often right.
 *
 * The annotators are one network that sees images at several sizes: it is right most often where objects are as large as
 * those that it learned.
 *
 * @module
 */

import { join } from "@std/path";
import { readIfThere, replaceFile } from "../../../formats/base/files.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import { formatPercent, formatSize } from "../../command/numbers.ts";
import { pointsChart } from "../charts.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult } from "../measured_table.ts";
import { meanOf } from "../outcome_statistics.ts";
import { predict } from "../student.ts";
import { STUDENT_MEASURES, studentNotes, studentRows } from "../student_table.ts";
import { type Arm, trainStudents, writeTrainingMaps } from "../students.ts";
import type { Study, StudyPlan, StudyResult } from "../study_plan.ts";
import { outcomesOf, type TestImages } from "../test_images.ts";
import type { MiniatureWatch } from "../watch.ts";
import { supervisionArm } from "./supervisions_study.ts";

/** Sizes, as shares of the recipe's. */
const SIZES = [0.5, 0.75, 1, 1.5];

/** An annotator. */
interface AtSize {
  readonly name: string;
  readonly title: string;
  readonly size: Pair;
}

function annotatorsOf({ recipe: { annotatorSize } }: StudyPlan): AtSize[] {
  return SIZES.map((share) => {
    const size: Pair = [annotatorSize[0] * share, annotatorSize[1] * share];
    return { name: `annotator-${size.join("x")}`, title: `annotator at ${formatSize(size)}`, size };
  });
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, recipe: { temperature }, seeds } = plan;
  const annotators = annotatorsOf(plan);
  const mapsOf = (seed: number, { name }: AtSize) => `${seedFolders(output, seed).maps}-${name}`;
  const arms = [
    supervisionArm(plan, "original"),
    ...annotators.map((annotator): Arm => ({
      name: annotator.name,
      title: annotator.title,
      settings: (seed) => ({ labels: "relabel", maps: mapsOf(seed, annotator), temperature }),
    })),
  ];
  const students = await trainStudents(plan, {
    arms,
    async prepare(seed) {
      for (const annotator of annotators) {
        await writeTrainingMaps(plan, seed, watch, { maps: mapsOf(seed, annotator), size: annotator.size });
      }
    },
  }, watch);
  const accuracies = new Map<string, { readonly annotator: number }>();
  for (const annotator of annotators) {
    watch.tell(`Accuracy of the ${annotator.title}`);
    accuracies.set(annotator.name, { annotator: await accuracyOf(plan, annotator, students.test, watch) });
  }
  const { about, note } = studentNotes(plan, students);
  const rows = studentRows(arms, students, (name) => accuracies.get(name) ?? {});
  return measuredResult({
    title: "Students of several annotators",
    head: "labels",
    about: [about],
    facts: [{ name: "annotator", title: "annotator's ReaL", show: formatPercent }],
    measures: STUDENT_MEASURES,
    rows,
    baseline: "original",
    seeds,
    notes: [note],
    charts: {
      "annotators.svg": pointsChart({
        title: "Accuracy of students by that of their annotator",
        xAxis: "annotator, ReaL, %",
        yAxis: "student, %",
        kinds: STUDENT_MEASURES.map(({ name: measure, title: name }) => ({
          name,
          points: rows.slice(1).map(({ title, facts, values }) => ({
            label: title.replace("annotator ", ""),
            x: 100 * facts!.annotator,
            mean: meanOf(values[measure]),
          })),
        })),
      }),
    },
  }, output);
}

/** The share of the test images of which an annotator names a class that they show; kept in a file. */
async function accuracyOf(
  { output, recipe: { annotator } }: StudyPlan,
  { name, size }: AtSize,
  images: TestImages,
  watch: MiniatureWatch,
): Promise<number> {
  const file = join(output, `${name}.json`);
  const known = readIfThere(file);
  const { best = [] }: { best?: string[] } = known === undefined ? {} : JSON.parse(known);
  if (best.length === images.keys.length) return meanOf(outcomesOf(best, images).real).value;
  const found = await predict(annotator, images, watch, { size, resize: "whole" });
  replaceFile(file, `${JSON.stringify({ best: found })}\n`);
  return meanOf(outcomesOf(found, images).real).value;
}

/** The study. */
export const ANNOTATORS_STUDY: Study = { title: "annotators that are more and less often right: figure 4", run };
