/**
 * Whether memory is flat: `deno task bench:memory [--size N] [--few N] [--many N] [--network NAME]`. Linux only.
 *
 * `deno task relabel` runs on two data sets, the photographs repeated, and the largest resident memory of its process
 * (`VmHWM`) is compared: a factor of ten in images may add 10 %. The input is small, so that the runs end in minutes; what
 * memory could grow with are images, not pixels. On a software adapter the resident memory holds the device's too.
 *
 * With `--network` one photograph is labelled by that network instead, whose random float16 weights are written first and
 * removed at the end: the largest resident memory may be that of the default annotator, the largest tensor as float32 and
 * 300 MB, and on a software adapter the weights on the device.
 *
 * @module
 */

import { join } from "@std/path";
import { openLabelMaps } from "../formats/labels/mod.ts";
import { count, text } from "../pipeline/command/option_kinds.ts";
import { storage } from "../pipeline/command/shared_options.ts";
import { taskCommand } from "../tests/pipeline/task.ts";
import { highWater } from "./high_water.ts";
import { describeMachine } from "./machine.ts";
import { writeRandomWeights } from "./memory/random_weights.ts";
import { readBenchOptions } from "./options.ts";
import { photographCopies } from "./photograph_copies.ts";
import { formatTable } from "./table.ts";
import { closeDevice } from "../kernels/engine/device.ts";
import { openBenchDevice } from "./device.ts";

/** Of the larger run over the smaller one. */
const LIMIT = 1.1;

/** Between looks at the process, milliseconds. */
const INTERVAL = 100;

const OPTIONS = {
  few: count({ default: 500, help: "images of the smaller run" }),
  many: count({ default: 5000, help: "images of the larger run" }),
  size: count({ default: 64, help: "pixels that images are resized to" }),
  network: text({ value: "NAME", help: "measure one run of this network of timm's, with random weights, instead" }),
  storage: { ...storage, default: "f32" as const },
};

/** Bytes beside the largest tensor that a large network may take. */
const MARGIN = 300e6;

const { few, many, size, network, storage: stored } = readBenchOptions("bench:memory", OPTIONS);
const options = ["--size", String(size), "--storage", stored];
console.log(describeMachine());
console.log(`Peak resident memory of \`deno task relabel ${options.join(" ")}\``);
if (network !== undefined) Deno.exit(await measureNetwork(network) ? 0 : 1);

const rows: (string | number)[][] = [];
const peaks: number[] = [];
for (const images of [few, many]) {
  const start = performance.now();
  const peak = await peakOf(images, options);
  peaks.push(peak);
  rows.push([`${images} images`, (peak / 2 ** 20).toFixed(1), ((performance.now() - start) / 1000).toFixed(0)]);
}
console.log(formatTable([["", "MiB", "seconds"], ...rows]));
const ratio = peaks[1] / peaks[0];
console.log(`  ${ratio.toFixed(3)} times; at most ${LIMIT}`);
if (!(ratio <= LIMIT)) Deno.exit(1);

/** Whether a network of random weights takes no more than it may. */
async function measureNetwork(name: string): Promise<boolean> {
  const folder = Deno.makeTempDirSync({ prefix: "weights-" });
  try {
    const { parameters, largest } = writeRandomWeights(folder, name);
    const single = [...options, "--batch", "1"];
    const small = await peakOf(1, single);
    const large = await peakOf(1, [...single, "--annotator", folder]);
    const device = await openBenchDevice();
    closeDevice(device);
    const onDevice = device.capabilities.software ? parameters * (stored === "f16" ? 2 : 4) : 0;
    const most = small + 4 * largest + MARGIN + onDevice;
    console.log(formatTable([
      ["", "MiB"],
      ["the default annotator", mebibytes(small)],
      [`${name}, ${(parameters / 1e6).toFixed(0)} million parameters`, mebibytes(large)],
      ["of which on the device", mebibytes(onDevice)],
      ["its largest tensor as float32", mebibytes(4 * largest)],
      ["at most", mebibytes(most)],
    ]));
    return large <= most;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Bytes that relabelling takes at its peak. */
async function peakOf(images: number, options: readonly string[]): Promise<number> {
  const photographs = photographCopies(images);
  const labels = join(Deno.makeTempDirSync({ prefix: "labels-" }), "labels");
  const child = taskCommand("relabel", [photographs, "--out", labels, ...options, "--quiet"]).spawn();
  const ended = child.output();
  let peak = 0;
  for (let running = true; running;) {
    running = await Promise.race([
      ended.then(() => false),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(true), INTERVAL)),
    ]);
    peak = Math.max(peak, await highWater(child.pid));
  }
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`Cannot measure relabelling: ${new TextDecoder().decode(stderr)}`);
  const written = await openLabelMaps(labels);
  if (written.length !== images) {
    throw new Error(`Cannot measure relabelling: ${written.length} of ${images} images have a label map`);
  }
  written.close();
  for (const path of [photographs, join(labels, "..")]) Deno.removeSync(path, { recursive: true });
  return peak;
}
