/**
 * Which kernel runs, of several that give the same bits: a matter of time alone, which is measured on the adapter.
 *
 * A kernel lists its alternatives (`Kernel.alternatives`). A device may have a tuning (`choices.ts`): what was chosen there
 * before, and how long may be spent on measuring what was not. A plan takes what is chosen, and measures the rest on its
 * own memory before its first run: whatever kernels leave there is written anew by every run.
 *
 * @module
 */

import { hashText } from "../../formats/base/text_hash.ts";
import type { Choices } from "./choices.ts";
import { checkErrors, type Device } from "./device.ts";
import { isWritten, type Kernel } from "./kernel.ts";
import { type BoundKernel, encodeDispatch, forgetPipelines } from "./pipelines.ts";
import type { Program, Step } from "./program.ts";
import { readTimestamps } from "./timestamps.ts";

/**
 * What tells a layer from others: the first of its kernels with its text and its numbers.
 *
 * @param kernel What runs unless another one is chosen.
 * @returns A key that changes with the kernel's text, its parameters and its workgroups.
 */
export function layerKey({ name, code, parameters, workgroups }: Kernel): string {
  const numbers = parameters.map(({ value }) => value);
  return `${name} ${hashText(JSON.stringify([code, numbers, workgroups])).toString(36)}`;
}

/**
 * A program with the kernels that are chosen; one that is not among a kernel's alternatives is passed over.
 *
 * @param program The program.
 * @param choices What was chosen.
 * @returns The program.
 */
export function chooseKernels(program: Program, choices: Choices = new Map()): Program {
  if (choices.size === 0) return program;
  return { ...program, steps: program.steps.map((step) => ({ ...step, kernel: chosen(step.kernel, choices) })) };
}

function chosen(kernel: Kernel, choices: Choices): Kernel {
  if (!kernel.alternatives) return kernel;
  const name = choices.get(layerKey(kernel));
  return name === undefined || name === kernel.name
    ? kernel
    : kernel.alternatives().find((one) => one.name === name) ?? kernel;
}

/** A layer that was not measured before. */
interface Layer {
  readonly key: string;
  readonly step: Step;
}

/** How much less time than the first kernel another one has to take: less is chance. */
const GAIN = 0.97;

/** Milliseconds of a layer's measurement, at most, where kernels are short. */
const LAYER_MILLISECONDS = 100;

/**
 * Measures the layers of a program that the device has not measured, as long as its budget lasts, and notes what is
 * fastest. What cannot be compiled or bound is no candidate.
 *
 * @param device The device, with a tuning.
 * @param program The program, before kernels were chosen.
 * @param bind Binds a step on the memory of its plan.
 * @returns How many layers were measured.
 */
export async function tuneLayers(
  device: Device,
  program: Program,
  bind: (step: Step, owner: DisposableStack) => BoundKernel,
): Promise<number> {
  const tuning = device.tuning!;
  const { choices, onMeasured } = tuning;
  const time = tuning.time ?? ((kernels, budget) => timeOnDevice(device, kernels as readonly BoundKernel[], budget));
  let measured = 0;
  if (tuning.budget <= 0) return measured;
  for (const { key, step } of unknownLayers(program, choices)) {
    if (tuning.budget <= 0) break;
    const start = performance.now();
    using owner = new DisposableStack();
    const candidates: BoundKernel[] = [];
    candidates.push(bind(step, owner));
    for (const kernel of step.kernel.alternatives!()) {
      try {
        candidates.push(await checkErrors(device, () => bind({ ...step, kernel }, owner), `tune ${kernel.name}`));
      } catch {
        forgetPipelines(device, [kernel]);
      }
    }
    const times = await time(candidates, Math.min(tuning.budget, LAYER_MILLISECONDS));
    const best = times.indexOf(Math.min(...times));
    const chosen = times[best] < times[0] * GAIN ? best : 0;
    choices.set(key, candidates[chosen].name);
    onMeasured?.({
      first: candidates[0].name,
      chosen: candidates[chosen].name,
      before: times[0],
      after: times[chosen],
    });
    measured++;
    tuning.budget -= performance.now() - start;
  }
  return measured;
}

/** Layers that have alternatives and no choice yet, each once; none that writes what lasts from run to run. */
function unknownLayers({ steps, states, views }: Program, choices: Choices): Layer[] {
  const layers = new Map<string, Layer>();
  for (const step of steps) {
    if (!step.kernel.alternatives) continue;
    const lasts = step.kernel.bindings.filter(isWritten).map(({ name }) => step.bindings[name])
      .some((name) => states?.has(name) || views?.has(name));
    const key = layerKey(step.kernel);
    if (!lasts && !choices.has(key)) layers.set(key, { key, step });
  }
  return [...layers.values()];
}

/** Rounds of a measurement, at most. */
const ROUNDS = 9;

/** By the adapter's clock where it has one, else by waiting for each. The least of all rounds counts. */
async function timeOnDevice(device: Device, kernels: readonly BoundKernel[], budget: number): Promise<number[]> {
  const round = device.capabilities.timestamps ? timestampRound : waitingRound;
  // The first round finds caches cold, and says how many there may be.
  const start = performance.now();
  let least = await round(device, kernels);
  const each = performance.now() - start;
  const rounds = Math.min(ROUNDS, Math.max(1, Math.floor(budget / each)));
  for (let count = 0; count < rounds; count++) {
    const times = await round(device, kernels);
    least = least.map((time, index) => Math.min(time, times[index]));
  }
  return least;
}

/** Each kernel once, one after the other. */
async function timestampRound(device: Device, kernels: readonly BoundKernel[]): Promise<number[]> {
  const nanoseconds = await readTimestamps(device, kernels.length * 2, (encoder, querySet) => {
    kernels.forEach((kernel, index) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      encodeDispatch(pass, kernel);
      pass.end();
    });
  });
  return kernels.map((_, index) => Number(nanoseconds[index * 2 + 1] - nanoseconds[index * 2]) / 1e6);
}

/** Dispatches that are waited for together, where the adapter has no clock. */
const WAITED_TOGETHER = 16;

async function waitingRound({ gpu }: Device, kernels: readonly BoundKernel[]): Promise<number[]> {
  const times: number[] = [];
  for (const kernel of kernels) {
    const start = performance.now();
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let count = 0; count < WAITED_TOGETHER; count++) encodeDispatch(pass, kernel);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
    times.push((performance.now() - start) / WAITED_TOGETHER);
  }
  return times;
}
