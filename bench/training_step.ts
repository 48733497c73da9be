/**
 * What LabelPooling costs in training: `deno task bench:step`, a step of a ResNet-18, or another network, at 224 x 224 on label
 * maps of ImageNet's classes, beside the same step on targets that are there already.
 *
 * Three measurements: the pooling kernels' share of the step by the adapter's clock; pooling by itself, upload of maps and
 * crops included, over the step; and the difference of whole steps, which is far below what steps differ by themselves.
 * Both trainers' losses are compared first. Fails if one of the first two is above 0.5 %.
 *
 * @module
 */

import { closeDevice, type Device } from "../kernels/engine/device.ts";
import { sampleAugmentation } from "../kernels/operations/augmentation/mod.ts";
import { poolLabels } from "../kernels/operations/label_pooling/mod.ts";
import type { TargetSource } from "../kernels/programs/training/targets.ts";
import type { TrainingBatch } from "../kernels/programs/training/trainer.ts";
import { count, text } from "../pipeline/command/option_kinds.ts";
import { assertClose } from "../tests/kernels/compare.ts";
import { fixtureMaps } from "../tests/kernels/operations/label_pooling/fixture_maps.ts";
import { openBenchDevice } from "./device.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { createPoolingStep } from "./pooling/sparse.ts";
import { createStepRunner, stepAugmentation, type StepRunner } from "./step_runner.ts";
import { formatTable } from "./table.ts";
import { median, timeInTurns } from "./timing.ts";
import type { LabelMapBatch } from "../formats/base/label_map.ts";

/** Percent of a step. */
const WANTED = 0.5;
const SIZE = 224;
const augmentation = stepAugmentation(SIZE);

const { rounds, batch: given, network: architecture } = readBenchOptions(
  "bench:step",
  {
    network: text({ value: "NAME", default: "resnet18", help: "timm's name of what is trained" }),
    rounds: count({ default: 5, help: "timings of each contestant" }),
    batch: count({ help: "images of a step, 256 at most; default 4 in software, 128 on a GPU" }),
  },
);
const device = await openBenchDevice();
const batch = given ?? { software: 4, gpu: 128 }[device.capabilities.profile];
console.log(`${describeMachine()}\n${describeDevice(device)}`);

const maps = firstMaps(fixtureMaps("fp16"), batch);
const { k, grid, classes, dtype } = maps;
const source = { type: "pooled", maps: { k, grid, classes, dtype }, pooling: {} } as const;
const images = Array.from({ length: batch }, (_, index) => ({
  width: 500,
  height: 375,
  pixels: Uint8Array.from({ length: 500 * 375 * 3 }, (_, at) => (at * 7 + (at >> 9) * (index + 3)) & 255),
}));
const samples = images.map((image, index) => sampleAugmentation(augmentation, { seed: 1, epoch: 0, index }, image));
const crops = samples.map(({ crop }) => crop);
const targets = Float32Array.from(poolLabels(maps, crops));
const step: TrainingBatch = { images, samples, seeds: new Uint32Array(batch), maps, targets };

console.log(
  `${architecture} at ${SIZE} x ${SIZE}, batch ${batch}, ${classes} classes, maps of ${
    grid.join(" x ")
  } cells, k = ${k}, ` +
    `${dtype}; medians of ${rounds} rounds`,
);
const pooled = await contestant(device, "step with LabelPooling", source);
const ready = await contestant(device, "step on given targets", { type: "given" });
const [pooledLoss, readyLoss] = [await pooled.loss(), await ready.loss()];
assertClose([pooledLoss], [readyLoss], { name: "the loss", absolute: 0, relative: 1e-5 });

const alone = await createPoolingStep(device, maps, crops);
const timings = await timeInTurns([pooled, ready, alone], rounds);
const [pooledTime, readyTime, aloneTime] = timings.map(({ milliseconds }) => median(milliseconds));
console.log(
  formatTable([
    ["", "ms a step", "fastest", "slowest", "images/s"],
    ...timings.map(({ runner: { name }, milliseconds }) => [
      name,
      ...[median(milliseconds), Math.min(...milliseconds), Math.max(...milliseconds)].map((value) => value.toFixed(2)),
      (batch / median(milliseconds) * 1000).toFixed(1),
    ]),
  ]),
);
const byClock = await pooled.trainer.poolingShare();
const byItself = aloneTime / pooledTime * 100;
console.log(
  `  LabelPooling's kernels by the adapter's clock: ${
    byClock === undefined ? "no timestamps here" : `${(byClock * 100).toFixed(3)} % of the step`
  }, wanted at most ${WANTED}\n` +
    `  LabelPooling by itself, upload included: ${byItself.toFixed(3)} % of the step, wanted at most ${WANTED}\n` +
    `  Difference of whole steps: ${((pooledTime / readyTime - 1) * 100).toFixed(2)} %`,
);
const { arena, arenaLowerBound, constants, states, textures } = pooled.trainer.bytes;
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
console.log(
  `  Memory, MB: arena ${megabytes(arena)}, ${(arena / arenaLowerBound).toFixed(3)} times the most alive at once; ` +
    `states ${megabytes(states)}, tables ${megabytes(constants)}, textures ${megabytes(textures)}`,
);
for (const { trainer } of [pooled, ready]) trainer.close();
alone.close();
closeDevice(device);
if (!(byItself <= WANTED && (byClock ?? 0) * 100 <= WANTED)) Deno.exit(1);

function firstMaps(all: LabelMapBatch, count: number): LabelMapBatch {
  const elements = count * all.k * all.grid[0] * all.grid[1];
  return { ...all, count, class: all.class.slice(0, elements), score: all.score.slice(0, elements) };
}

function contestant(device: Device, name: string, targets: TargetSource): Promise<StepRunner> {
  return createStepRunner(device, name, { architecture, classes, batch, size: SIZE, targets, step });
}
