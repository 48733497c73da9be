/**
 * The paper's table 6: students of label maps that take fewer bytes, of fewer classes or of smaller scores.
 *
 * @module
 */

import { join } from "@std/path";
import { closing } from "../../../formats/base/closing.ts";
import { openImages } from "../../../formats/images/mod.ts";
import { type LabelMapType, openLabelMaps } from "../../../formats/labels/mod.ts";
import { sampleAugmentation } from "../../../kernels/operations/augmentation/mod.ts";
import { poolLabels } from "../../../kernels/operations/label_pooling/mod.ts";
import { formatCount } from "../../command/numbers.ts";
import { augmentationOf } from "../../training/batch.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult } from "../measured_table.ts";
import { STUDENT_MEASURES, studentNotes, studentRows } from "../student_table.ts";
import { type Arm, studentOptions, trainStudents, writeTrainingMaps } from "../students.ts";
import type { Study, StudyPlan, StudyResult } from "../study_plan.ts";
import type { MiniatureWatch } from "../watch.ts";
import { supervisionArm } from "./supervisions_study.ts";

/** How maps are stored. */
interface Stored {
  readonly name: string;
  readonly title: string;
  readonly dtype: LabelMapType;
  readonly k: number;
}

/** The paper's: k = 1, 3, 5 and 10 of 32 bits, and k = 5 of 16 and 8 bits, the latter in both kinds. */
const STORED: readonly Stored[] = [
  ...[1, 3, 5, 10].map((k) => storedAs("fp32", k)),
  ...(["fp16", "fp8_e4m3", "fp8_e5m2"] as const).map((dtype) => storedAs(dtype, 5)),
];

function storedAs(dtype: LabelMapType, k: number): Stored {
  return { name: `${dtype}-k${k}`, title: `${dtype}, k = ${k}`, dtype, k };
}

function mapsFolder({ output }: StudyPlan, seed: number, { name }: Pick<Stored, "name">): string {
  return `${seedFolders(output, seed).maps}-${name}`;
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, recipe: { temperature, data }, seeds } = plan;
  const whole: Stored = { ...storedAs("fp32", data.classes.length), name: "all" };
  const arms = [
    supervisionArm(plan, "original"),
    ...STORED.map((stored): Arm => ({
      name: stored.name,
      title: stored.title,
      settings: (seed) => ({ labels: "relabel", maps: mapsFolder(plan, seed, stored), temperature }),
    })),
  ];
  const students = await trainStudents(plan, {
    arms,
    async prepare(seed) {
      for (const stored of [...STORED, whole]) {
        const { dtype, k } = stored;
        const maps = mapsFolder(plan, seed, stored);
        await writeTrainingMaps(plan, seed, watch, { maps, dtype, k: Math.min(k, data.classes.length) });
      }
    },
  }, watch);
  watch.tell("Bytes, and targets of random crops");
  const [seed] = seeds;
  const exact = await targetsOf(plan, seed, whole);
  const facts = new Map<string, Readonly<Record<string, number>>>();
  for (const stored of STORED) {
    const bytes = bytesPerImage(mapsFolder(plan, seed, stored), exact.images);
    const divergence = meanDivergence(
      exact.targets,
      (await targetsOf(plan, seed, stored)).targets,
      data.classes.length,
    );
    facts.set(stored.name, { bytes, divergence });
  }
  const { about, note } = studentNotes(plan, students);
  return measuredResult({
    title: "Label maps of fewer bytes",
    head: "label maps",
    about: [about],
    facts: [
      { name: "bytes", title: "bytes per image", show: formatCount },
      { name: "divergence", title: "KL", show: (value) => value.toFixed(4) },
    ],
    measures: STUDENT_MEASURES,
    rows: studentRows(arms, students, (name) => facts.get(name) ?? {}),
    baseline: "original",
    seeds,
    notes: [
      note,
      `KL: of the pooled targets of ${
        formatCount(exact.targets.length / data.classes.length)
      } random crops from those of ` +
      "fp32 with all classes kept, in nats; bytes of the Parquet files; both of the first seed",
    ],
  }, output);
}

/** Random crops per image, of which targets are compared. */
const CROPS = 4;

/** The targets that a student's first epochs pool of the maps: `[images x CROPS, C]`. */
async function targetsOf(
  plan: StudyPlan,
  seed: number,
  stored: Stored,
): Promise<{ readonly targets: Float32Array; readonly images: number }> {
  const options = await studentOptions(plan, seed, supervisionArm(plan, "original"));
  const { data: { side, classes }, temperature } = plan.recipe;
  const settings = augmentationOf(options);
  const { images: folder } = seedFolders(plan.output, seed);
  using maps = closing(await openLabelMaps(mapsFolder(plan, seed, stored), { preload: true }));
  const images = await Array.fromAsync((await openImages(folder)).list());
  const targets = new Float32Array(images.length * CROPS * classes.length);
  for (const { key, index } of images) {
    const map = await maps.batch([(await maps.indexOf(key))!]);
    for (let epoch = 0; epoch < CROPS; epoch++) {
      const { crop } = sampleAugmentation(settings, { seed, epoch, index }, { width: side, height: side });
      targets.set(poolLabels(map, [crop], { temperature }), (index * CROPS + epoch) * classes.length);
    }
  }
  return { targets, images: images.length };
}

/** The mean of sum p log(p / q) over rows. */
function meanDivergence(exact: Float32Array, stored: Float32Array, classes: number): number {
  let sum = 0;
  exact.forEach((p, place) => {
    if (p > 0) sum += p * Math.log(p / stored[place]);
  });
  return sum / (exact.length / classes);
}

function bytesPerImage(folder: string, images: number): number {
  const parts = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".parquet"));
  const bytes = parts.reduce((sum, { name }) => sum + Deno.statSync(join(folder, name)).size, 0);
  return Math.round(bytes / images);
}

/** The study. */
export const STORAGE_STUDY: Study = { title: "label maps of fewer bits and classes: table 6", run };
