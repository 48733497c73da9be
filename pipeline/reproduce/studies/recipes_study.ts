/**
 * The paper's tables 4, 5 and A1, and appendix D.1: original labels and ReLabel with another network, another optimizer,
 * CutMix and extra images, asked about the test images and about others that are drawn anew.
 *
 * @module
 */

import { join } from "@std/path";
import { formatCount } from "../../command/numbers.ts";
import type { GivenSettings } from "../../training/settings.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult } from "../measured_table.ts";
import { meanOf } from "../outcome_statistics.ts";
import { predict } from "../student.ts";
import { STUDENT_MEASURES, studentNotes, studentRows } from "../student_table.ts";
import { type Arm, trainStudents, writeTrainingMaps } from "../students.ts";
import type { Study, StudyPlan, StudyResult } from "../study_plan.ts";
import { outcomesOf, readTestImages } from "../test_images.ts";
import type { MiniatureWatch } from "../watch.ts";
import { supervisionArm } from "./supervisions_study.ts";

/** A row, and that of the table which it is compared with. */
interface RecipeArm extends Arm {
  readonly baseline?: string;
}

/** What is changed of the recipe's training, for original labels and for ReLabel. */
const RECIPES: readonly { readonly name: string; readonly title: string; readonly settings: GivenSettings }[] = [
  { name: "mobilenet", title: "MobileNetV3", settings: { network: "mobilenetv3_small_050" } },
  {
    name: "adamp",
    title: "EfficientNet, AdamP",
    settings: { network: "test_efficientnet", optimizer: "adamp", lr: 0.002, weightDecay: 0.01 },
  },
  { name: "cutmix", title: "CutMix", settings: { cutmix: 1 } },
];

/** Extra images come after the training images of so many seeds. */
const SEEDS_BEFORE = 1000;

function extraFolders({ output }: StudyPlan, seed: number) {
  const { scenes, maps } = seedFolders(output, seed);
  return { scenes: `${scenes}-extra`, images: join(`${scenes}-extra`, "images"), maps: `${maps}-extra` };
}

function armsOf(plan: StudyPlan): RecipeArm[] {
  const [original, relabel] = (["original", "local-multi"] as const).map((name) => supervisionArm(plan, name));
  return [
    original,
    { ...relabel, title: "ReLabel", baseline: original.name },
    ...RECIPES.flatMap(({ name, title, settings }): RecipeArm[] => {
      const [first, second] = [original, relabel].map((arm) => ({
        name: `${name}-${arm.name}`,
        settings: (seed: number) => ({ ...arm.settings(seed), ...settings }),
      }));
      return [
        { ...first, title: `${title}, ${original.title}` },
        { ...second, title: `${title}, ReLabel`, baseline: first.name },
      ];
    }),
    {
      name: `extra-${relabel.name}`,
      title: "extra images, ReLabel",
      baseline: relabel.name,
      settings(seed) {
        const { images, maps } = extraFolders(plan, seed);
        // As many updates as the others, of twice as many images.
        const epochs = Math.ceil(plan.recipe.training.epochs! / 2);
        return { ...relabel.settings(seed), otherImages: [images], otherMaps: [maps], epochs };
      },
    },
  ];
}

/** Writes label maps of a seed's images, and as many images more with theirs. */
async function prepareSeed(plan: StudyPlan, seed: number, watch: MiniatureWatch): Promise<void> {
  const { data, trainImages: images, leastObjects } = plan.recipe;
  await writeTrainingMaps(plan, seed, watch);
  const extra = extraFolders(plan, seed);
  watch.tell(`Extra images: ${formatCount(images)}`);
  const start = (SEEDS_BEFORE + seed) * images;
  await data.write(extra.scenes, { split: "train", start, images, leastObjects }, watch);
  await writeTrainingMaps(plan, seed, watch, { images: extra.images, maps: extra.maps });
}

async function run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult> {
  const { output, recipe: { data, testImages, training }, seeds } = plan;
  const arms = armsOf(plan);
  const students = await trainStudents(plan, { arms, prepare: (seed) => prepareSeed(plan, seed, watch) }, watch);
  watch.tell(`Images drawn anew: ${formatCount(testImages)}`);
  const folder = join(output, "test-again");
  await data.write(folder, { split: "test", start: testImages, images: testImages }, watch);
  const anew = await readTestImages(folder, data.classes);
  const again = new Map<string, number[]>();
  for (const { name } of arms) {
    const shares = [];
    for (const seed of seeds) {
      const best = await predict(seedFolders(output, seed).student(name), anew, watch);
      shares.push(meanOf(outcomesOf(best, anew).top1).value);
    }
    again.set(name, shares);
  }
  const { about, note } = studentNotes(plan, students);
  return measuredResult({
    title: "Original labels and ReLabel with other networks, optimizers and data",
    head: "training",
    about: [about],
    measures: [...STUDENT_MEASURES, { name: "again", title: "top-1, drawn anew" }],
    rows: studentRows(arms, students).map((row, place) => ({
      ...row,
      baseline: arms[place].baseline,
      values: { ...row.values, again: again.get(row.name)! },
    })),
    seeds,
    notes: [
      note,
      "Each ReLabel is compared with the original labels above it, and extra images with ReLabel alone",
      `MobileNetV3 is ${RECIPES[0].settings.network}, EfficientNet ${RECIPES[1].settings.network}; others are ` +
      `${training.network}. Extra images are as many again, for half the epochs: no more updates`,
      `Drawn anew: ${formatCount(testImages)} other images of the same kind, as ImageNetV2 is to ImageNet`,
    ],
  }, output);
}

/** The study. */
export const RECIPES_STUDY: Study = {
  title: "another network, AdamP, CutMix, extra images, a test set drawn anew: tables 4, 5, A1",
  run,
};
