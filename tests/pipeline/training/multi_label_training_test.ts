import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { sceneClasses } from "../../../pipeline/scenes/classes.ts";
import { writeScenes } from "../../../pipeline/scenes/write_scenes.ts";
import { runTraining } from "../../../pipeline/training/run_training.ts";
import { type GivenSettings, resolveSettings } from "../../../pipeline/training/settings.ts";
import { readSummary, scoreOf } from "../../../pipeline/training/summary_file.ts";
import type { TrainingResult } from "../../../pipeline/training/training_parts.ts";
import { runTask } from "../task.ts";
import { mapFolder } from "./data.ts";

const SCENES = Deno.makeTempDirSync();
const [TRAIN, VALIDATION] = ["train", "validation"].map((split) => join(SCENES, split));

for (const [folder, split, images] of [[TRAIN, "train", 128], [VALIDATION, "validation", 64]] as const) {
  await writeScenes(folder, { seed: 0, split, start: 0, images, leastObjects: 2 });
}

/** A training of seconds. */
const SMALL: GivenSettings = {
  images: join(TRAIN, "images"),
  multiLabel: join(TRAIN, "real.json"),
  validation: join(VALIDATION, "images"),
  validationMultiLabel: join(VALIDATION, "real.json"),
  network: "resnet8_s2",
  size: [32, 32],
  batch: 32,
  epochs: 4,
  warmupEpochs: 1,
  validateEvery: 2,
  optimizer: "adamp",
  lr: 5e-3,
  scale: [0.5, 1],
  colourJitter: 0,
  lighting: 0,
  cropPct: 1,
};

function newRun(): string {
  return join(Deno.makeTempDirSync(), "run");
}

/** Trains; a signal comes after some steps, if that is asked for. */
async function trainSmall(given: GivenSettings, stopAfter = Infinity): Promise<TrainingResult> {
  const stop = new AbortController();
  const onProgress = ({ epoch, step }: { epoch: number; step: number }) => {
    if (epoch * 4 + step >= stopAfter) stop.abort();
  };
  return (await runTraining(resolveSettings({ ...SMALL, ...given }), { signal: stop.signal, onProgress }))!;
}

function bytesOf(run: string): Record<string, string> {
  const names = ["last.safetensors", "model.safetensors", "best.safetensors", "summary.csv", "config.json"];
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(run, name)).toBase64()]));
}

/** The mean over classes of the share of images that show it: the mAP of scores that know nothing, percent. */
function chance(lists: readonly number[][]): number {
  const shares = sceneClasses.map((_, label) => lists.filter((list) => list.includes(label)).length / lists.length);
  return 100 * shares.reduce((sum, share) => sum + share) / shares.length;
}

Deno.test("training on lists of all classes beats chance, and goes on after a signal to the same bits", async () => {
  const [whole, stopped] = [newRun(), newRun()];
  await trainSmall({ output: whole });
  const epochs = readSummary(join(whole, "summary.csv"));
  const none = chance(JSON.parse(Deno.readTextFileSync(SMALL.validationMultiLabel!)));
  const best = Math.max(...epochs.map(scoreOf));
  assert(best > none + 3, `mAP is ${best} %, ${none} % by chance`);
  assert(epochs[3].trainLoss < 0.8 * epochs[0].trainLoss, "the loss falls");
  const { num_classes: classes, label_names: names } = JSON.parse(Deno.readTextFileSync(join(whole, "config.json")));
  assertEquals([classes, names], [16, sceneClasses.map(({ name }) => name)]);

  const { stopped: isStopped, position } = await trainSmall({ output: stopped }, 5);
  assertEquals([isStopped, position.epoch > 0], [true, true]);
  assertEquals((await trainSmall({ output: stopped })).stopped, false);
  assertEquals(bytesOf(stopped), bytesOf(whole));

  const report = join(SCENES, "evaluation.json");
  const { code, error } = await runTask(
    ...["evaluate", SMALL.validation!, "--model", whole, "--multi-label", SMALL.validationMultiLabel!] as const,
    ...["--json", report, "--quiet"],
  );
  assertEquals(code, 0, error);
  const { figures } = JSON.parse(Deno.readTextFileSync(report));
  const { value } = figures.find(({ measure }: { measure: string }) => measure === "mAP");
  assertAlmostEquals(100 * value, scoreOf(epochs[3]), 1e-6);
});

Deno.test("training mixes images with their classes and label maps, by asymmetric loss", async () => {
  const lines = Deno.readTextFileSync(join(TRAIN, "boxes.csv")).trimEnd().split("\n").slice(1);
  const keys = [...new Set(lines.map((line) => line.split(",")[0]))];
  const maps = mapFolder(keys, { classes: sceneClasses.map(({ name }) => name) });
  const mixed: GivenSettings = { maps, labels: "mix", loss: "asl", cutmix: 1, mixup: 0.2, mixOffEpochs: 0 };
  const { epochs } = await trainSmall({
    ...{ ...mixed, epochs: 1, output: newRun() },
    ...{ validation: undefined, validationMultiLabel: undefined },
  });
  const [{ trainLoss }] = epochs;
  assert(trainLoss > 0.1 && trainLoss < 20, `the loss is ${trainLoss}`);
});

Deno.test("training and validation refuse files that are not of their images and classes", async () => {
  const file = (value: unknown) => {
    const path = Deno.makeTempFileSync();
    Deno.writeTextFileSync(path, JSON.stringify(value));
    return path;
  };
  const cases: [GivenSettings, string][] = [
    [{ multiLabel: SMALL.validationMultiLabel }, "it has 64 lists, the data set 128 images"],
    [{ multiLabel: file(Array(128).fill([16])) }, "entry 0 has 16, expected classes from 0 to 15"],
    [{ multiLabel: file({ "other.png": [1] }) }, "none of 128 images are in"],
    [{ validationMultiLabel: file({ "other.png": [1] }) }, "none of its images is there"],
  ];
  for (const [given, message] of cases) {
    const error = await assertRejects(() => trainSmall({ ...given, output: newRun() }), Error, message);
    assertStringIncludes(error.message, `"${Object.values(given)[0]}"`);
  }
});
