/**
 * Fine-tuning from networks that were trained with original labels and with ReLabel: the paper's table 8 in small.
 *
 * @module
 */

import { join } from "@std/path";
import { formatCount, formatNumberOf } from "../../command/numbers.ts";
import { runTransfer, type TransferPlan } from "../../transfer/grid_search.ts";
import { sceneClasses } from "../../scenes/classes.ts";
import { SCENES_DATA } from "../scenes_data.ts";
import { seedFolders } from "../folders.ts";
import { measuredResult, type MeasuredRow } from "../measured_table.ts";
import { meanOf } from "../outcome_statistics.ts";
import type { ImageRange, MiniatureData, Study, StudyPlan, StudyResult } from "../study_plan.ts";
import { trainStudents, writeTrainingMaps } from "../students.ts";
import { writeTransferTarget } from "../transfer_target.ts";
import type { MiniatureWatch } from "../watch.ts";
import { supervisionArm } from "./supervisions_study.ts";

/** What is tried in a fine-tuning. */
type TransferGrid = Pick<TransferPlan, "rates" | "decays" | "heldOut">;

/** What students are trained with before they are fine-tuned. */
const NAMES = ["original", "local-multi"] as const;

/** Images that students are fine-tuned on, for each that they are trained on. */
const TARGET_SHARE = 0.4;

/** Images of one to four objects for each that shows one. */
const IMAGES_A_SINGLE = 4;

/** Learning rates that are tried with the weight decay of the students, and the share of the target's training images that they are tried on. */
const GRID: TransferGrid = { rates: [0.01, 0.03, 0.1], decays: [5e-4], heldOut: 0.25 };

/** Updates of a fine-tuning, for each epoch of a student. */
const STEPS_AN_EPOCH = 4;

/** The class that an object has for the fine-tuning: of scenes its shape, plain or striped; else its own. */
function otherClass(name: string): string {
  return sceneClasses.find((own) => own.name === name)?.shape ?? name;
}

/**
 * Trains students with original labels and with ReLabel, and fine-tunes both on images of other classes, or of other data.
 *
 * @param plan Recipe, seeds and folder.
 * @param watch Progress and signals.
 * @param grid What is tried in a fine-tuning.
 * @returns Their accuracy before and after.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export async function compareTransfers(
  plan: StudyPlan,
  watch: MiniatureWatch,
  grid = GRID,
): Promise<StudyResult> {
  const { output, seeds, recipe: { data, training, testImages, trainImages }, target: other } = plan;
  const { outcomes } = await trainStudents(plan, {
    arms: NAMES.map((name) => supervisionArm(plan, name)),
    prepare: (seed) => writeTrainingMaps(plan, seed, watch),
  }, watch);
  const folderName = nameFor(plan);
  const test = join(output, folderName("target-test"));
  const testSplit = join(output, folderName("test"));
  if (other) await writeSingles(other.data, testSplit, { split: "test", start: 0, images: testImages }, watch);
  const tested = writeTransferTarget(testSplit, test, otherClass);
  const target = Object.fromEntries(NAMES.map((name) => [name, [] as number[]]));
  const used: number[] = [];
  for (const seed of seeds) {
    const found = await fineTune(plan, { seed, test, grid }, watch);
    used.push(found.images);
    NAMES.forEach((name, place) => target[name].push(found.accuracies[place]));
  }
  const rows = NAMES.map((name): MeasuredRow => ({
    name,
    title: supervisionArm(plan, name).title,
    values: {
      source: outcomes.get(name)!.map(({ top1 }) => meanOf(top1).value),
      target: target[name],
    },
  }));
  const found = measuredResult({
    title: `Fine-tuning on ${other ? other.name : "other classes"}, by what the network was trained with`,
    head: "trained with",
    about: [
      `${training.network}, ${formatNumberOf(training.epochs!, "epoch")} of ${
        formatNumberOf(trainImages, "image")
      }; then ` +
      `${formatNumberOf(stepsOf(plan), "update")} on ${imagesOf(used)} of one object` +
      `${(other?.data ?? data).classes === SCENES_DATA.classes ? ", by their shape" : ""}.`,
    ],
    measures: [
      { name: "source", title: "before, top-1" },
      { name: "target", title: "fine-tuned, top-1" },
    ],
    rows,
    baseline: "original",
    seeds,
    notes: [
      `The learning rate of each network is the best of ${grid.rates.join(", ")} on ${100 * grid.heldOut} % of the ` +
      `training images; accuracy is of ${formatNumberOf(tested, "test image")}`,
    ],
  }, output);
  // Targets share students, and so a folder.
  const files = Object.entries(found.files).map(([name, text]) => [name.replace(".", `${folderName("")}.`), text]);
  return { ...found, files: Object.fromEntries(files) };
}

/** Names of folders, those of other data than the students' with theirs at the end. */
function nameFor({ target }: StudyPlan): (name: string) => string {
  return (name) => target ? `${name}-${target.name}` : name;
}

/** Writes images of which those that show one object are as many as asked for: of drawn scenes, about. */
async function writeSingles(
  { write, writeSingles }: Pick<MiniatureData, "write" | "writeSingles">,
  folder: string,
  { split, start, images }: ImageRange,
  watch: MiniatureWatch,
): Promise<void> {
  const share = writeSingles ? 1 : IMAGES_A_SINGLE;
  await (writeSingles ?? write)(folder, { split, start: share * start, images: share * images }, watch);
}

/** How many images seeds have: `397 images`, or `397 to 412 images`. */
function imagesOf(used: readonly number[]): string {
  const [least, most] = [Math.min(...used), Math.max(...used)];
  return least === most ? formatNumberOf(least, "image") : `${formatCount(least)} to ${formatNumberOf(most, "image")}`;
}

function stepsOf({ recipe: { training } }: StudyPlan): number {
  return STEPS_AN_EPOCH * training.epochs!;
}

/** Fine-tunes a seed's students; accuracies are in the order of {@linkcode NAMES}. */
async function fineTune(
  plan: StudyPlan,
  { seed, test, grid }: { readonly seed: number; readonly test: string; readonly grid: TransferGrid },
  watch: MiniatureWatch,
): Promise<{ images: number; accuracies: number[] }> {
  const { output, recipe: { data, training, trainImages }, target: other } = plan;
  const folderName = nameFor(plan);
  const folder = join(output, `seed-${seed}`);
  const scenes = join(folder, folderName("target-scenes"));
  const targetImages = Math.round(TARGET_SHARE * trainImages);
  // An annotator may have learned the extra images of the students' data. The test images of these are not single ones only,
  // and so are those that are drawn from here.
  const range = { split: other ? "extra" : "validation", start: seed * targetImages, images: targetImages } as const;
  await writeSingles(other?.data ?? { write: data.write }, scenes, range, watch);
  const target = join(folder, folderName("target"));
  const images = writeTransferTarget(scenes, target, otherClass);
  const { epochs: _, ...settings } = training;
  const { student } = seedFolders(output, seed);
  const transfer: TransferPlan = {
    ...{ images: target, test, inits: NAMES.map(student), seeds: 1, output: join(folder, folderName("transfer")) },
    ...grid,
    settings: { ...settings, steps: stepsOf(plan), warmupEpochs: 0 },
  };
  const { outcomes } = await runTransfer(transfer, watch);
  return { images, accuracies: outcomes.map(({ test: [top1] }) => top1) };
}

/** The study of the paper's table 8. */
export const TRANSFER_STUDY: Study = {
  title: "fine-tuning from students of original labels and of ReLabel: table 8",
  run: (plan, watch) => compareTransfers(plan, watch),
};
