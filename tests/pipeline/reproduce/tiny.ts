/**
 * A study that takes seconds, for tests; as a program it runs in the folder given, until it is done or killed.
 *
 * @module
 */

import { join } from "@std/path";
import { writeSafetensors } from "../../../formats/weights/mod.ts";
import { buildNetwork, initialParameters } from "../../../kernels/networks/mod.ts";
import type { Recipe, StudyPlan } from "../../../pipeline/reproduce/study_plan.ts";
import { SCENES_DATA } from "../../../pipeline/reproduce/scenes_data.ts";
import type { StudentOutcomes } from "../../../pipeline/reproduce/students.ts";
import { compareSupervisions } from "../../../pipeline/reproduce/studies/supervisions_study.ts";
import type { SupervisionName } from "../../../pipeline/reproduce/supervisions.ts";
import type { MiniatureWatch } from "../../../pipeline/reproduce/watch.ts";
import { sceneClasses } from "../../../pipeline/scenes/classes.ts";

const classes = sceneClasses.length;

/** An annotator that has learned nothing. */
function writeAnnotator(folder: string): string {
  Deno.mkdirSync(folder, { recursive: true });
  const config = {
    architecture: "resnet8_s2",
    num_classes: classes,
    label_names: sceneClasses.map(({ name }) => name),
    pretrained_cfg: {
      input_size: [3, 24, 24],
      interpolation: "bilinear",
      mean: [0.35, 0.35, 0.35],
      std: [0.2, 0.2, 0.2],
      crop_pct: 1,
      crop_mode: "squash",
    },
  };
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config));
  const weights = [...initialParameters(buildNetwork("resnet8_s2", { classes }), 7)].map(([name, { shape, data }]) =>
    [name, { shape, data: new Float32Array(data) }] as const
  );
  writeSafetensors(join(folder, "model.safetensors"), new Map(weights));
  return folder;
}

/** Few images, steps and pixels. */
export function tinyPlan(output: string, supervisions: readonly SupervisionName[]): StudyPlan {
  const recipe: Recipe = {
    data: SCENES_DATA,
    trainImages: 64,
    leastObjects: 2,
    testImages: 50,
    annotator: writeAnnotator(join(output, "annotator")),
    annotatorSize: [32, 32],
    temperature: 0.5,
    training: { network: "resnet8_s2", size: [16, 16], batch: 8, epochs: 2, warmupEpochs: 1, cropPct: 1, lighting: 0 },
  };
  return { output, recipe, seeds: [1], supervisions };
}

/** Who is not told of anything. */
export const SILENT: MiniatureWatch = {
  signal: new AbortController().signal,
  tell() {},
  show() {},
  counter: () => () => {},
};

/** Two students. */
export const PAIR: readonly SupervisionName[] = ["original", "local-multi"];

/** Runs it, telling `tell`. */
export function runTiny(
  output: string,
  supervisions: readonly SupervisionName[],
  watch: Partial<MiniatureWatch> = {},
): Promise<StudentOutcomes<SupervisionName>> {
  return compareSupervisions(tinyPlan(output, supervisions), { ...SILENT, ...watch });
}

if (import.meta.main) await runTiny(Deno.args[0], PAIR, { tell: console.log });
