/**
 * Races against other WebGPU libraries, in one process on one adapter: `deno task bench:race [--rounds N] [NAME ...]`.
 *
 * Every contestant's result is checked before it is timed. A peer that fails or computes something else is named and left
 * out of the comparison; if the engine itself is wrong, or on software Vulkan slower than wanted, the command fails.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { closeDevice } from "../kernels/device.ts";
import { openBenchDevice } from "./device.ts";
import { readDefaultAnnotator, readPhotographs } from "./default_annotator.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { type Heat, holdHeat } from "./race/heat.ts";
import { networkHeat, singleHeat } from "./race/heats.ts";
import { openJax } from "./race/jax.ts";
import { describeOnnxruntime } from "./race/onnxruntime.ts";
import { SINGLE_OPERATIONS } from "./race/single.ts";
import { openTfjs } from "./race/tfjs.ts";
import { TIMING_MILLISECONDS } from "./timing.ts";

const args = parseArgs(Deno.args, { string: ["rounds", "_"], default: { rounds: "7" } });
const rounds = Number(args.rounds);
const names: string[] = args._;

const device = await openBenchDevice();
const peers = [["tfjs", await openTfjs()], ["jax-js", await openJax()]] as const;
console.log(describeMachine());
console.log(describeDevice(device));
console.log(
  `Medians of ${rounds} rounds; a timing repeats for ${TIMING_MILLISECONDS} ms or more and ends with the last result on the CPU`,
);

const heats: { name: string; open: () => Heat | Promise<Heat> }[] = [
  ...SINGLE_OPERATIONS.map((operation) => ({ name: operation.name, open: () => singleHeat(device, operation) })),
  {
    name: "network efficientnet_lite0",
    open: async () => await networkHeat(device, await readDefaultAnnotator(), await readPhotographs()),
  },
];
let slow = 0;
for (const { name, open } of heats) {
  if (names.length > 0 && !names.some((part) => name.includes(part))) continue;
  const heat = await open();
  // Also not a number, where no peer is left to compare with.
  if (!(await holdHeat(heat, rounds) >= heat.wanted)) slow++;
}
console.log("\nAdapters, as each library names its own");
for (const [name, { version, adapter }] of [...peers, ["onnxruntime-web", await describeOnnxruntime()] as const]) {
  console.log(`  ${name} ${version}: ${adapter}`);
}
const { software } = device.capabilities;
closeDevice(device);
if (slow > 0 && software) {
  console.log(`\n${slow} below what is wanted`);
  Deno.exit(1);
}
// Peers keep timers and threads.
Deno.exit(0);
