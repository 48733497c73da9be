/**
 * The paper's figure 6: distillation from a teacher that sees each crop at several sizes, beside ReLabel, and what either
 * costs.
 *
 * A step on an image is taken to cost three times its forward pass: the gradient with respect to what a layer reads and that
 * of its weights cost as much each. A teacher adds a forward pass for each image of each epoch, an annotator one for each
 * image.
 *
 * @module
 */

import { join } from "@std/path";
import { readIfThere, replaceFile } from "../../../formats/base/files.ts";
import { openAnnotatorFolder } from "../../../formats/weights/mod.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { countMultiplyAdds } from "../../../kernels/networks/multiply_adds.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import { formatCount, formatSize } from "../../command/numbers.ts";
import { pointsChart } from "../charts.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult } from "../measured_table.ts";
import { meanOf } from "../outcome_statistics.ts";
import { STUDENT_MEASURES, studentNotes, studentRows } from "../student_table.ts";
import { type Arm, trainStudents, writeTrainingMaps } from "../students.ts";
import type { Study, StudyPlan, StudyResult } from "../study_plan.ts";
import type { MiniatureWatch } from "../watch.ts";
import { supervisionArm } from "./supervisions_study.ts";

/** A student's step, in forward passes. */
const STEP_PASSES = 3;

/** Two for a product that is added: a multiplication and an addition. */
const OPERATIONS = 2;

/** The paper's ResNet-50: GPU-hours on V100s, epochs and images (section 3.3). */
const PAPER = { hours: 328, network: "resnet50", size: [224, 224] as Pair, classes: 1000 };

/** The paper's teachers at their own sizes, and the GPU-days that it states. */
const PAPER_TEACHERS: readonly { readonly name: string; readonly side: number; readonly days?: number }[] = [
  { name: "tf_efficientnet_b1", side: 240 },
  { name: "tf_efficientnet_b3", side: 300 },
  { name: "tf_efficientnet_b5", side: 456, days: 41 },
  { name: "tf_efficientnet_b7", side: 600, days: 78 },
];

/** Sizes at which the teacher sees a crop: the student's, its own, and that of the label maps. */
function teacherSizes({ recipe: { training, annotatorSize } }: StudyPlan, own: Pair): Pair[] {
  const sizes = new Map([training.size!, own, annotatorSize].map((size) => [String(size), size]));
  return [...sizes.values()].sort(([a], [b]) => a - b);
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, recipe: { annotator, annotatorSize, training, trainImages, data }, seeds } = plan;
  const { architecture, inputSize, weights } = await openAnnotatorFolder(annotator);
  weights.close();
  const teachers = teacherSizes(plan, inputSize).map((size) => ({
    name: `distill-${size.join("x")}`,
    title: `distillation, teacher at ${formatSize(size)}`,
    size,
  }));
  const arms = [
    supervisionArm(plan, "original"),
    supervisionArm(plan, "local-multi"),
    ...teachers.map(({ name, title, size }): Arm => ({
      name,
      title,
      settings: () => ({ labels: "distill", teacher: annotator, teacherSize: size }),
    })),
  ];
  const students = await trainStudents(plan, {
    arms,
    prepare: (seed) => writeTrainingMaps(plan, seed, watch),
    onTrained({ output }, { images, seconds }) {
      if (images > 0) replaceFile(join(output, SPEED), `${JSON.stringify({ imagesPerSecond: images / seconds })}\n`);
    },
  }, watch);
  const classes = data.classes.length;
  const passes = trainImages * training.epochs!;
  const student = countMultiplyAdds(buildNetwork(training.network!, { classes, size: training.size }), training.size!);
  const teacherAt = (size: Pair) => countMultiplyAdds(buildNetwork(architecture, { classes, size }), size);
  const extra = new Map([
    ["local-multi", trainImages * teacherAt(annotatorSize)],
    ...teachers.map(({ name, size }) => [name, passes * teacherAt(size)] as const),
  ]);
  const rows = studentRows(arms, students, (name) => {
    const speeds = seeds.flatMap((seed) => speedOf(seedFolders(output, seed).student(name)) ?? []);
    return {
      gigaflops: OPERATIONS * (STEP_PASSES * student * passes + (extra.get(name) ?? 0)) / 1e9,
      ...(speeds.length > 0 ? { seconds: passes / meanOf(speeds).value } : {}),
    };
  });
  const { about, note } = studentNotes(plan, students);
  return measuredResult({
    title: "Distillation and ReLabel",
    head: "training",
    about: [about],
    facts: [
      { name: "gigaflops", title: "GFLOP", show: (value) => formatCount(Math.round(value)) },
      { name: "seconds", title: "seconds", show: (value) => formatCount(Math.round(value)) },
    ],
    measures: STUDENT_MEASURES,
    rows,
    baseline: "original",
    seeds,
    notes: [
      note,
      "GFLOP: two for each product of convolutions and linear layers; a step is three forward passes of the student, a " +
      "teacher one for each image of each epoch, ReLabel's annotator one for each image",
      "Seconds: by the images per second of the trainings as they ran here, without the annotator's",
      ...paperLines().map((line) => `ResNet-50 on ImageNet, 300 epochs: ${line}`),
    ],
    charts: {
      "cost.svg": pointsChart({
        title: "Accuracy by cost",
        xAxis: "GFLOP of a training",
        yAxis: "accuracy, %",
        isLogarithmic: true,
        kinds: STUDENT_MEASURES.map(({ name: measure, title: name }) => ({
          name,
          points: rows.map(({ title, facts, values }) => ({
            label: title.replace(/^distillation, /, "").replace(/ \(.*/, ""),
            x: facts!.gigaflops,
            mean: meanOf(values[measure]),
          })),
        })),
      }),
    },
  }, output);
}

/** What the paper's own trainings cost, by arithmetic from the GPU-hours that it states for the original labels. */
export function paperCosts(): { readonly name: string; readonly days: number; readonly stated?: number }[] {
  const multiplyAdds = (name: string, size: Pair) =>
    countMultiplyAdds(buildNetwork(name, { classes: PAPER.classes, size }), size);
  const step = STEP_PASSES * multiplyAdds(PAPER.network, PAPER.size);
  const days = PAPER.hours / 24;
  return PAPER_TEACHERS.map(({ name, side, days: stated }) => ({
    name: `${name} at ${side} x ${side}`,
    days: days * (1 + multiplyAdds(name, [side, side]) / step),
    ...(stated === undefined ? {} : { stated }),
  }));
}

function paperLines(): string[] {
  const days = (PAPER.hours / 24).toFixed(1);
  return [
    `${PAPER.hours} GPU-hours with the original labels, as the paper states, which are ${days} GPU-days`,
    ...paperCosts().map(({ name, days, stated }) =>
      `${days.toFixed(0)} GPU-days with the teacher ${name} by arithmetic` +
      (stated === undefined ? "" : `, and the paper states ${stated}`)
    ),
  ];
}

/** How quick a student's training was, in its folder. */
const SPEED = "speed.json";

function speedOf(folder: string): number | undefined {
  const text = readIfThere(join(folder, SPEED));
  return text === undefined ? undefined : JSON.parse(text).imagesPerSecond;
}

/** The study. */
export const DISTILLATION_STUDY: Study = { title: "distillation, accuracy and cost: figure 6", run };
