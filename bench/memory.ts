/**
 * Whether memory is flat: `deno task bench:memory [--size N] [--few N] [--many N]`. Linux only.
 *
 * `deno task relabel` runs on two data sets, the photographs repeated, and the largest resident memory of its process
 * (`VmHWM`) is compared: a factor of ten in images may add 10 %. The input is small, so that the runs end in minutes; what
 * memory could grow with are images, not pixels. On a software adapter the resident memory holds the device's too.
 *
 * @module
 */

import { join } from "@std/path";
import { openLabelMaps } from "../formats/labels/mod.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { taskCommand } from "../tests/pipeline/task.ts";
import { highWater } from "./high_water.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { photographCopies } from "./photograph_copies.ts";
import { formatTable } from "./table.ts";

/** Of the larger run over the smaller one. */
const LIMIT = 1.1;

/** Between looks at the process, milliseconds. */
const INTERVAL = 100;

const OPTIONS = {
  few: count({ default: 500, help: "images of the smaller run" }),
  many: count({ default: 5000, help: "images of the larger run" }),
  size: count({ default: 64, help: "pixels that images are resized to" }),
};

const { few, many, size } = readBenchOptions("bench:memory", OPTIONS);
console.log(describeMachine());
console.log(`Peak resident memory of \`deno task relabel --size ${size}\``);

const rows: (string | number)[][] = [];
const peaks: number[] = [];
for (const images of [few, many]) {
  const start = performance.now();
  const peak = await peakOf(images, size);
  peaks.push(peak);
  rows.push([`${images} images`, (peak / 2 ** 20).toFixed(1), ((performance.now() - start) / 1000).toFixed(0)]);
}
console.log(formatTable([["", "MiB", "seconds"], ...rows]));
const ratio = peaks[1] / peaks[0];
console.log(`  ${ratio.toFixed(3)} times; at most ${LIMIT}`);
if (!(ratio <= LIMIT)) Deno.exit(1);

/** Bytes that relabelling takes at its peak. */
async function peakOf(images: number, size: number): Promise<number> {
  const photographs = photographCopies(images);
  const labels = join(Deno.makeTempDirSync({ prefix: "labels-" }), "labels");
  const child = taskCommand("relabel", [photographs, "--out", labels, "--size", String(size), "--quiet"]).spawn();
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
