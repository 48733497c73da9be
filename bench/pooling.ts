/**
 * LabelPooling from the maps as stored, beside the published code's way over a dense tensor: `deno task bench:pooling`.
 *
 * A step begins with maps and crops in memory and ends with the targets on the device. Both ways run on the same adapter in
 * turns, after their targets were compared with the reference's. Fails if the dense way takes less than 50 times as long,
 * or moves less than 100 times as many bytes.
 *
 * @module
 */

import { closeDevice } from "../kernels/engine/device.ts";
import { poolLabels } from "../kernels/operations/label_pooling/mod.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { assertClose } from "../tests/kernels/compare.ts";
import { fixtureMaps } from "../tests/kernels/operations/label_pooling/fixture_maps.ts";
import { openBenchDevice } from "./device.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { createDenseStep } from "./pooling/dense.ts";
import { randomCrops } from "./pooling/random_crops.ts";
import { createPoolingStep } from "./pooling/sparse.ts";
import { formatTable } from "./table.ts";
import { median, timeInTurns } from "./timing.ts";

/** How many times as long, and as many bytes, the dense way is to take. */
const WANTED = { time: 50, bytes: 100 };

const { rounds } = readBenchOptions("bench:pooling", {
  rounds: count({ default: 7, help: "timings of each contestant" }),
});
const device = await openBenchDevice();
console.log(`${describeMachine()}\n${describeDevice(device)}`);
const maps = fixtureMaps("fp32");
const crops = randomCrops(maps.count, 1);
console.log(
  `Targets of ${crops.length} random crops, ${maps.classes} classes, maps of ${maps.grid.join(" x ")} cells, ` +
    `k = ${maps.k}; medians of ${rounds} rounds`,
);
const expected = poolLabels(maps, crops);
const dense = await createDenseStep(device, maps, crops);
const sparse = await createPoolingStep(device, maps, crops);
for (const step of [dense, sparse]) {
  const shape = [crops.length, maps.classes];
  assertClose(await step.targets(), expected, { name: step.name, absolute: 1e-5, relative: 0, shape });
}
const smaller = await Promise.all(
  (["fp16", "fp8_e4m3"] as const).map((dtype) => createPoolingStep(device, fixtureMaps(dtype), crops)),
);
const timings = await timeInTurns([dense, sparse, ...smaller], rounds);
const [denseTime, sparseTime] = timings.map(({ milliseconds }) => median(milliseconds));
const rows = timings.map(({ runner: { name, bytes }, milliseconds }) => {
  const time = median(milliseconds);
  const [fastest, slowest] = [Math.min(...milliseconds), Math.max(...milliseconds)];
  return [
    name,
    ...[time, fastest, slowest].map((value) => value.toFixed(2)),
    (crops.length / time * 1000).toFixed(0),
    (denseTime / time).toFixed(1),
    (bytes / 1e6).toFixed(2),
    (dense.bytes / bytes).toFixed(1),
  ];
});
console.log(
  formatTable([
    ["", "ms a step", "fastest", "slowest", "targets/s", "times faster", "MB moved", "times less"],
    ...rows,
  ]),
);
for (const step of [dense, sparse, ...smaller]) step.close();
closeDevice(device);
const reached = { time: denseTime / sparseTime, bytes: dense.bytes / sparse.bytes };
console.log(
  `  fp32 takes ${reached.time.toFixed(1)} times less time, wanted ${WANTED.time}, and moves ` +
    `${reached.bytes.toFixed(1)} times fewer bytes, wanted ${WANTED.bytes}`,
);
if (!(reached.time >= WANTED.time && reached.bytes >= WANTED.bytes)) Deno.exit(1);
