/**
 * Races against other WebGPU libraries, in one process on one adapter: `deno task bench:race`; `--help` has its
 * options.
 *
 * Every contestant's result is checked before it is timed. A peer that fails or computes something else is named and left
 * out of the comparison; if the engine itself is wrong, or on software Vulkan slower than wanted, the command fails.
 *
 * @module
 */

import project from "./deno.json" with { type: "json" };
import { closeDevice } from "../../kernels/engine/device.ts";
import { choice, count } from "../../pipeline/command/option_kinds.ts";
import { readAnnotator, readPhotographs } from "../default_annotator.ts";
import { openBenchDevice } from "../device.ts";
import { describeDevice, describeMachine } from "../machine.ts";
import { readBenchOptions } from "../options.ts";
import { noteAdapters } from "./adapters.ts";
import { ATTENTIONS } from "./attention.ts";
import { type Heat, holdHeat } from "./heat.ts";
import { GRADIENTS } from "./gradients.ts";
import { attentionHeat, gradientHeat, networkHeat, passHeat, positionHeat, singleHeat, trainingHeat } from "./heats.ts";
import { POSITION_KINDS, POSITION_OPERATIONS } from "./position_operations.ts";
import { PASSES } from "./network_passes.ts";
import { KINDS, SINGLE_OPERATIONS } from "./single.ts";
import { TIMING_MILLISECONDS } from "../timing.ts";

/** Names and versions. */
const PEERS = ([
  "@tensorflow/tfjs-backend-webgpu",
  "@jax-js/jax",
  "onnxruntime-web",
  "onnxruntime-node",
  "@huggingface/transformers",
] as const)
  .map((name) => project.imports[name].replace("npm:", ""));

const ATTENTION = "attention";
const GRADIENT = "gradient";
const NETWORK = "network";
const TRAINING = "training";

const ALL_KINDS = [...KINDS, ...POSITION_KINDS, ATTENTION, GRADIENT, NETWORK, ...PASSES, TRAINING];

const OPTIONS = {
  rounds: count({ default: 7, help: "timings of each contestant" }),
  only: choice(ALL_KINDS, { value: "KIND", help: `${ALL_KINDS.join(", ")}; default all` }),
};

const { rounds, only } = readBenchOptions("bench:race", OPTIONS);
const adapters = noteAdapters();
const device = await openBenchDevice();
console.log(`${describeMachine()}\n${describeDevice(device)}`);
console.log(
  `Medians of ${rounds} rounds. A timing repeats for ${TIMING_MILLISECONDS} ms or more and ends with the last result on ` +
    "the CPU; those of network and training begin with the images there, too",
);

let missed = 0;
const hold = async (heat: Heat) => {
  missed += await holdHeat(heat, rounds);
};
for (const operation of SINGLE_OPERATIONS) {
  if (only === undefined || only === operation.kind) await hold(singleHeat(device, operation));
}
for (const operation of POSITION_OPERATIONS) {
  if (only === undefined || only === operation.kind) await hold(positionHeat(device, operation));
}
for (const work of ATTENTIONS) {
  if (only === undefined || only === ATTENTION) await hold(attentionHeat(device, work));
}
for (const operation of GRADIENTS) {
  if (only === undefined || only === GRADIENT) await hold(gradientHeat(device, operation));
}
if (only === undefined || only === NETWORK) {
  await hold(await networkHeat(device, await readAnnotator(), await readPhotographs()));
}
for (const name of PASSES) {
  if (only === undefined || only === name) await hold(passHeat(device, name));
}
if (only === undefined || only === TRAINING) await hold(trainingHeat(device));

console.log(`\nAdapter of the engine, ${PEERS.join(", ")}: ${[...new Set(adapters)].join("; ")}`);
const { software } = device.capabilities;
closeDevice(device);
if (missed > 0) console.log(`\n${missed} below what is wanted on software Vulkan`);
// Peers keep timers and threads.
Deno.exit(missed > 0 && software ? 1 : 0);
