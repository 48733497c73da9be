/**
 * Images per second that the host alone sustains from decoded pixels to a folder of label maps: `deno task bench:host`;
 * `--help` has its options.
 *
 * The device is made fast: after one real step every dispatch has no workgroups, so that all is encoded, uploaded,
 * submitted and read back as ever, and nothing is computed. The maps that are written are real ones. Decoding is left out.
 *
 * @module
 */

import { cpuUsage } from "node:process";
import { createAnnotator } from "../kernels/programs/annotator.ts";
import { closeDevice } from "../kernels/engine/device.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { readAnnotator } from "./default_annotator.ts";
import { openBenchDevice, withProfile } from "./device.ts";
import { emptyKernels } from "./host/empty_kernels.ts";
import { ownParts } from "./host/parts.ts";
import { checkPart, fillOnce } from "./host/fill.ts";
import { windowsOfPhotographs } from "./host/windows.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { loadedAnnotator } from "./relabel/stages.ts";
import { formatTable } from "./table.ts";
import { median } from "./timing.ts";

/** Images per second that are wanted of two cores. */
const WANTED = 4000;

/** Different images, more than a page of a file has maps; their label maps repeat after as many. */
const DIFFERENT = 96;

/** How often a part is measured, and repeated for that. */
const ROUNDS = 5;
const REPETITIONS = 20;

const options = readBenchOptions("bench:host", {
  images: count({ default: 8000, help: "images of a run" }),
  rounds: count({ default: 3, help: "runs" }),
  size: count({ default: 224, help: "pixels that images have and are resized to" }),
  batch: count({ default: 24, help: "images of a step" }),
});
const { images, rounds, size, batch } = options;
const device = await openBenchDevice("gpu");
const annotator = await readAnnotator(undefined, [size, size]);
const settings = { ...annotator, size: [size, size], k: 5, dtype: "fp16" } as const;
console.log(`${describeMachine()}\n${describeDevice(device)}`);
console.log(
  `${images} images of ${size} x ${size}, ${annotator.name}, batch ${batch}; kernels are empty, decoding is left out`,
);

const pixels = await windowsOfPhotographs(DIFFERENT, size);
// Where the adapter is a CPU, the profile that computes real maps in the least time.
const real = await createAnnotator(withProfile(device, device.capabilities.software ? "software" : "gpu"), {
  ...settings,
  batch: 8,
});
const maps = [];
for (let start = 0; start < DIFFERENT; start += 8) maps.push(...await real.annotate(pixels.slice(start, start + 8)));
real.close();

const onDevice = await createAnnotator(device, { ...settings, batch });
await onDevice.annotate(pixels.slice(0, 1));
emptyKernels();
const loaded = loadedAnnotator(device, { ...settings, batch }, annotator, onDevice);

console.log("\nFrom pixels to a folder");
const rows = [];
for (let round = 0; round < rounds; round++) {
  const before = cpuUsage();
  const start = performance.now();
  const parts = await fillOnce(loaded, { images, pixels, maps });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = cpuUsage(before);
  checkPart(parts[0], loaded.metadata, { pixels, maps });
  const cpu = (user + system) / 1000 / images;
  rows.push([`run ${round + 1}`, (images / seconds).toFixed(0), cpu.toFixed(3), (2000 / cpu).toFixed(0)]);
}
console.log(formatTable([["", "images/s", "CPU ms an image", "images/s at 2 cores of CPU time"], ...rows]));
console.log(`  at least ${WANTED} images/s are wanted of two cores that do nothing else`);

console.log("\nEach part by itself, in CPU time");
const { parts, dispatches, close } = await ownParts(device, { ...settings, batch }, loaded.metadata, { pixels, maps });
const each: number[] = [];
for (const { run } of parts) each.push(await cpuMilliseconds(run));
console.log(formatTable([
  ["", "ms an image", "images/s of a core"],
  ...parts.map(({ name, images }, index) => {
    const ofImage = each[index] / images;
    return [name, ofImage.toFixed(4), (1000 / ofImage).toFixed(0)];
  }),
]));
const encode = each[parts.findIndex(({ name }) => name.startsWith("encode"))];
console.log(
  `  a step of ${batch} encodes ${dispatches} dispatches in ${encode.toFixed(2)} ms, ` +
    `${(encode * 1000 / dispatches).toFixed(2)} µs a dispatch`,
);

/** Processor time of one repetition: the median of some rounds, in which the wall time of a busy machine plays no part. */
async function cpuMilliseconds(run: (repetitions: number) => Promise<unknown>): Promise<number> {
  const rounds: number[] = [];
  await run(1);
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuUsage();
    await run(REPETITIONS);
    const { user, system } = cpuUsage(before);
    rounds.push((user + system) / 1000 / REPETITIONS);
  }
  return median(rounds);
}

close();
onDevice.close();
closeDevice(device);
