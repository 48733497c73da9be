/**
 * LabelPooling from the maps as stored, beside the published code's way over a dense tensor: `deno task bench:pooling`.
 *
 * A step begins with maps and crops in memory and ends with the targets on the device. Both ways run on the same adapter in
 * turns, after their targets were compared with the reference's. Fails if the dense way takes less than 50 times as long,
 * or moves less than 100 times as many bytes.
 *
 * @module
 */

import { closeDevice, createBuffer } from "../kernels/device.ts";
import { REGION_WORDS } from "../kernels/operations/label_pooling/kernels.ts";
import { createLabelPooler } from "../kernels/label_pooler.ts";
import { type Crop, poolLabels, type SparseMaps } from "../kernels/operations/label_pooling/mod.ts";
import { readCount } from "../pipeline/command_line.ts";
import { assertClose } from "../tests/kernels/compare.ts";
import { fixtureMaps } from "../tests/kernels/operations/label_pooling/fixture_maps.ts";
import { openBenchDevice } from "./device.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { createDensePooler } from "./pooling/dense.ts";
import { randomCrops } from "./pooling/random_crops.ts";
import { formatTable } from "./table.ts";
import { median, type Runner, timeInTurns } from "./timing.ts";

/** How many times as long, and as many bytes, the dense way takes. */
const WANTED = { time: 50, bytes: 100 };

const { rounds } = readBenchOptions(
  "bench:pooling",
  { rounds: { value: "N", help: "timings of each contestant; default 7" } },
  ({ text }) => ({ rounds: readCount(text("rounds") ?? "7", "rounds") }),
);
const device = await openBenchDevice();
console.log(`${describeMachine()}\n${describeDevice(device)}`);
const maps = fixtureMaps("fp32");
const crops = randomCrops(maps.count, 1);
console.log(
  `Targets of ${crops.length} random crops, ${maps.classes} classes, maps of ${
    maps.grid.join(" x ")
  } cells, k = ${maps.k}; ` +
    `medians of ${rounds} rounds`,
);
const expected = poolLabels(maps, crops);

interface Contestant extends Runner {
  /** To the device, a step. */
  readonly bytes: number;
  close(): void;
}

async function denseWay(): Promise<Contestant> {
  const pooler = await createDensePooler(device, maps);
  pooler.submit(maps, crops);
  check("dense", await pooler.targets());
  return {
    name: "dense tensor, as published",
    bytes: pooler.bytes,
    async run(repetitions) {
      for (let step = 0; step < repetitions; step++) pooler.submit(maps, crops);
      await pooler.targets();
    },
    close: pooler.close,
  };
}

async function sparseWay(maps: SparseMaps): Promise<Contestant> {
  const pooler = await createLabelPooler(device, { ...maps, maps: maps.count, crops: crops.length });
  pooler.load(maps);
  if (maps.dtype === "fp32") check("sparse", await pooler.pool(crops));
  const last = createBuffer(device, 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "the last target");
  const step = () => {
    pooler.load(maps);
    const encoder = device.gpu.createCommandEncoder();
    pooler.encode(encoder, crops);
    encoder.copyBufferToBuffer(pooler.targets.buffer, pooler.targets.offset, last, 0, 16);
    device.gpu.queue.submit([encoder.finish()]);
  };
  if (device.capabilities.timestamps) {
    for (const { name, milliseconds } of await pooler.measure(crops)) {
      console.log(`  ${name}  ${milliseconds.toFixed(2)} ms`);
    }
  }
  return {
    name: `sparse, ${maps.dtype}`,
    bytes: maps.class.byteLength + maps.score.byteLength + crops.length * REGION_WORDS * 4,
    async run(repetitions) {
      for (let repetition = 0; repetition < repetitions; repetition++) step();
      await last.mapAsync(GPUMapMode.READ);
      last.unmap();
    },
    close() {
      pooler.close();
      last.destroy();
    },
  };
}

function check(name: string, targets: Float32Array): void {
  assertClose(targets, expected, { name, absolute: 1e-5, relative: 0, shape: [crops.length, maps.classes] });
}

const contestants = [
  await denseWay(),
  ...await Promise.all(
    (["fp32", "fp16", "fp8_e4m3"] as const).map((dtype) => sparseWay(fixtureMaps(dtype))),
  ),
];
const timings = await timeInTurns<Contestant>(contestants, rounds);
const [dense, sparse] = timings.map(({ milliseconds }) => median(milliseconds));
const rows = timings.map(({ runner: { name, bytes }, milliseconds }) => [
  name,
  median(milliseconds).toFixed(2),
  Math.min(...milliseconds).toFixed(2),
  Math.max(...milliseconds).toFixed(2),
  (crops.length / median(milliseconds) * 1000).toFixed(0),
  `${(dense / median(milliseconds)).toFixed(1)} x`,
  (bytes / 1e6).toFixed(2),
  `${(contestants[0].bytes / bytes).toFixed(1)} x`,
]);
console.log(
  formatTable([["", "ms a step", "fastest", "slowest", "targets/s", "faster", "MB moved", "fewer"], ...rows]),
);
const reached = { time: dense / sparse, bytes: contestants[0].bytes / contestants[1].bytes };
for (const contestant of contestants) contestant.close();
closeDevice(device);
for (const name of ["time", "bytes"] as const) {
  console.log(`${name}: ${reached[name].toFixed(1)} times less, wanted ${WANTED[name]}`);
}
if (reached.time < WANTED.time || reached.bytes < WANTED.bytes) Deno.exit(1);
