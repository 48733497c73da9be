import { assert, assertEquals } from "@std/assert";
import { type Device, readBuffer } from "../../../kernels/engine/device.ts";
import { type Kernel, readOnly, type StatedBindings } from "../../../kernels/engine/kernel.ts";
import { createPlan } from "../../../kernels/engine/plan.ts";
import type { Program, Step } from "../../../kernels/engine/program.ts";
import type { Choices, MeasuredLayer, Tuning } from "../../../kernels/engine/choices.ts";
import { layerKey } from "../../../kernels/engine/tuning.ts";
import { itemKernel } from "../../../kernels/operations/shared/tensor.ts";
import { testDevice } from "../tensors.ts";

const ITEMS = 100;

/** Adds 1, in workgroups of a size, or does not compile. */
function addOne(workgroup: number, items = ITEMS, input: StatedBindings[string] = "f32"): Kernel {
  return itemKernel({
    name: `add one by ${workgroup}`,
    profile: "gpu",
    bindings: { input, output: "f32" },
    parameters: [],
    items,
    workgroup,
    body: workgroup === 32 ? "  output[item] = nothing;" : "  output[item] = input[item] + 1.0;",
  });
}

const SIZES = [64, 32, 16, 8];

/** A kernel whose second candidate does not compile. */
function withAlternatives(items = ITEMS, input: StatedBindings[string] = "f32"): Kernel {
  const [first, ...others] = SIZES.map((workgroup) => addOne(workgroup, items, input));
  return { ...first, alternatives: () => others };
}

function step(kernel: Kernel, input: string, output: string): Step {
  return { kernel, bindings: { input, output } };
}

const PROGRAM: Program = {
  tensors: new Map(["a", "b", "c", "d"].map((name) => [name, ITEMS * 4])),
  constants: new Map(),
  states: new Map([["kept", ITEMS * 4], ["weights", ITEMS * 4]]),
  steps: [
    step(withAlternatives(), "a", "b"),
    step(withAlternatives(), "b", "a"),
    step(withAlternatives(50), "a", "c"),
    step(withAlternatives(51), "a", "kept"),
    step(withAlternatives(52, readOnly("f32")), "weights", "d"),
  ],
};

/** What a run of the program on zeros leaves in `c`. */
async function run(device: Device): Promise<number[]> {
  const plan = await createPlan(device, PROGRAM, { inputs: ["a"], outputs: ["c"] });
  const [input, output] = ["a", "c"].map(plan.tensor);
  device.gpu.queue.writeBuffer(input.buffer, input.offset, new Float32Array(ITEMS));
  const staging = device.gpu.createBuffer({ size: 200, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.gpu.createCommandEncoder();
  plan.encode(encoder);
  encoder.copyBufferToBuffer(output.buffer, output.offset, staging, 0, 200);
  device.gpu.queue.submit([encoder.finish()]);
  const result = [...new Float32Array(await readBuffer(staging))];
  plan.close();
  return result;
}

const EXPECTED = Array.from({ length: 50 }, () => 3);

/** The device with a clock that says how long kernels take by their names. */
async function tuned(milliseconds: Record<string, number>, tuning: Partial<Tuning> = {}) {
  const measured: MeasuredLayer[] = [];
  const asked: string[][] = [];
  const choices: Choices = tuning.choices ?? new Map();
  const device: Device = {
    ...await testDevice(),
    tuning: {
      budget: 60_000,
      choices,
      onMeasured: (layer) => measured.push(layer),
      time(kernels) {
        asked.push(kernels.map(({ name }) => name));
        return Promise.resolve(kernels.map(({ name }) => milliseconds[name.replace(/.* by (\d+).*/, "$1")]));
      },
      ...tuning,
    },
  };
  return { device, choices, measured, asked };
}

Deno.test("a plan measures each layer once, takes the fastest kernel that compiles, and computes the same", async () => {
  const { device, choices, measured, asked } = await tuned({ 64: 3, 16: 2, 8: 1 });
  assertEquals(await run(device), EXPECTED);
  // Of what writes to what lasts from run to run nothing is measured, of what reads it all is.
  const layers = [withAlternatives(), withAlternatives(50), withAlternatives(52, readOnly("f32"))];
  const names = [64, 16, 8].map((workgroup) => `add one by ${workgroup} gpu`);
  assertEquals(asked, [names, names, names]);
  assertEquals(choices, new Map(layers.map((layer) => [layerKey(layer), names[2]])));
  assertEquals(measured[0], { first: names[0], chosen: names[2], before: 3, after: 1 });
  assertEquals(await run(device), EXPECTED);
  assertEquals(asked.length, 3);
});

Deno.test("a kernel stays that is as fast as others but for chance, and where no time is left to measure", async () => {
  const even = await tuned({ 64: 1, 16: 0.98, 8: 0.99 });
  await run(even.device);
  assertEquals([...even.choices.values()], Array(3).fill("add one by 64 gpu"));
  const late = await tuned({}, { budget: 0 });
  assertEquals(await run(late.device), EXPECTED);
  assertEquals([late.choices.size, late.asked.length], [0, 0]);
});

Deno.test("a plan passes over a choice that is no kernel of its layer", async () => {
  const choices: Choices = new Map([[layerKey(withAlternatives()), "add two"], [
    layerKey(withAlternatives(50)),
    "add one by 8 gpu",
  ]]);
  const { device } = await tuned({}, { choices, budget: 0 });
  assertEquals(await run(device), EXPECTED);
});

Deno.test("layers are told apart by text, numbers and workgroups", () => {
  const kernels = [addOne(64), addOne(64, 101), addOne(64, 200), addOne(16), { ...addOne(64), name: "another" }];
  assertEquals(new Set(kernels.map(layerKey)).size, kernels.length);
});

Deno.test("kernels are timed on the adapter, by its clock or by waiting for them", async () => {
  for (const timestamps of [true, false]) {
    const { device, choices, measured } = await tuned({}, { time: undefined });
    if (timestamps && !device.capabilities.timestamps) continue;
    await run({ ...device, capabilities: { ...device.capabilities, timestamps } });
    assertEquals(choices.size, 3);
    assert(measured.every(({ before, after }) => after <= before && before >= 0));
  }
});
