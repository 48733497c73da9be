/**
 * Images a second of relabelling, from files to a folder of label maps, and where the time goes:
 * `deno task bench:relabel`; `--help` has its options.
 *
 * End to end is what `deno task relabel` does after it has loaded the annotator. Its stages overlap; what each takes by
 * itself is measured in the same rounds, and the slowest of them bounds the whole.
 *
 * @module
 */

import { openImages } from "../formats/images/mod.ts";
import { type AnnotatorSettings, createAnnotator } from "../kernels/programs/annotator.ts";
import { closeDevice } from "../kernels/engine/device.ts";
import { choice, count } from "../pipeline/command/option_kinds.ts";
import * as shared from "../pipeline/command/shared_options.ts";
import { defaultWorkers } from "../pipeline/model/default_workers.ts";
import { readAnnotator, readPhotographs } from "./default_annotator.ts";
import { openBenchDevice, PROFILES } from "./device.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { photographCopies } from "./photograph_copies.ts";
import { decodeStage, deviceStages, loadedAnnotator, wholeStage } from "./relabel/stages.ts";
import { formatTable } from "./table.ts";
import { median, timeInTurns } from "./timing.ts";

const KERNELS_SHOWN = 12;

const OPTIONS = {
  images: count({ help: "photographs, repeated; default 72 on a software adapter, else 9000" }),
  rounds: count({ default: 7, help: "timings of each stage" }),
  size: count({ default: 224, help: "pixels that images are resized to" }),
  batch: count({ help: "images of a step; default 8 on a software adapter, else 32" }),
  workers: { ...shared.workers, default: defaultWorkers() },
  storage: { ...shared.storage, default: "f32" as const },
  profile: choice(PROFILES, { value: "P", help: "software or gpu; default by the adapter" }),
};

const options = readBenchOptions("bench:relabel", OPTIONS);
const { rounds, size, workers, storage } = options;
const device = await openBenchDevice(options.profile);
const { software, timestamps } = device.capabilities;
const images = options.images ?? (software ? 72 : 9000);
const batch = options.batch ?? (software ? 8 : 32);

const annotator = await readAnnotator();
const settings: AnnotatorSettings = { ...annotator, batch, size: [size, size], k: 5, dtype: "fp16", storage };
console.log(`${describeMachine()}\n${describeDevice(device)}`);
console.log(
  `${images} photographs; ${annotator.name} at ${size} x ${size}, batch ${batch}, activations in ${storage}; ` +
    `medians of ${rounds} rounds`,
);

const photographs = photographCopies(images);
const source = await openImages(photographs);
const onDevice = await createAnnotator(device, settings);
const whole = await wholeStage(source, loadedAnnotator(device, settings, annotator, onDevice), workers);
const decode = await decodeStage(source, workers);
const decoded = (await readPhotographs()).map(({ image }) => image);
const step = Array.from({ length: batch }, (_, index) => decoded[index % decoded.length]);
const { stages, kernels, close } = await deviceStages(device, settings, step);

const timings = await timeInTurns([whole, decode, ...stages], rounds);
const perImage = new Map(
  timings.map(({ runner, milliseconds }) => [runner.name, median(milliseconds) / runner.images]),
);
const total = perImage.get(whole.name)!;
console.log(`\nEnd to end ${(1000 / total).toFixed(2)} images/s, ${total.toFixed(3)} ms an image; waiting for`);
const waits = (["decode", "annotate", "write"] as const).map((name) => {
  // The first run finds the photographs' files and pages cold.
  const milliseconds = median(whole.times.slice(1).map((times) => times[name])) / whole.images;
  return [name, milliseconds.toFixed(3), `${(milliseconds / total * 100).toFixed(1)} %`];
});
console.log(formatTable([["", "ms an image", "share"], ...waits]));

console.log("\nEach stage by itself");
perImage.delete(whole.name);
const rows = [...perImage].map(([name, value]) => [name, value.toFixed(3), (1000 / value).toFixed(1)]);
console.log(formatTable([["", "ms an image", "images/s"], ...rows]));

if (timestamps) {
  const sums = new Map<string, { count: number; milliseconds: number }>();
  for (const { name, milliseconds } of await kernels()) {
    const sum = sums.get(name) ?? { count: 0, milliseconds: 0 };
    sums.set(name, { count: sum.count + 1, milliseconds: sum.milliseconds + milliseconds });
  }
  const all = [...sums.values()].reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const longest = [...sums].sort(([, a], [, b]) => b.milliseconds - a.milliseconds).slice(0, KERNELS_SHOWN);
  console.log(`\nKernels of a step of ${batch} by timestamps, ${all.toFixed(2)} ms; those that take longest`);
  console.log(formatTable([
    ["", "dispatches", "ms", "share"],
    ...longest.map(([name, { count, milliseconds }]) => [
      name,
      count,
      milliseconds.toFixed(3),
      `${(milliseconds / all * 100).toFixed(1)} %`,
    ]),
  ]));
}
close();
decode.close();
onDevice.close();
closeDevice(device);
Deno.removeSync(photographs, { recursive: true });
