import { assertEquals, assertRejects } from "@std/assert";
import { readBuffer } from "../../../kernels/engine/device.ts";
import {
  type Kernel,
  listBindings,
  readOnly,
  scratch,
  type StatedBindings,
  texture,
  TEXTURE_WIDTH,
} from "../../../kernels/engine/kernel.ts";
import { createPlan, layOutProgram, type Plan } from "../../../kernels/engine/plan.ts";
import {
  inPart,
  joinPrograms,
  operationSteps,
  type Program,
  renameTensors,
  type Step,
} from "../../../kernels/engine/program.ts";
import { runKernels } from "../../../kernels/engine/run.ts";
import { itemKernel } from "../../../kernels/operations/shared/tensor.ts";
import { readTexel } from "../../../kernels/operations/shared/tensor_reads.ts";
import { testDevice } from "../tensors.ts";

/** Floats of each tensor. */
const ITEMS = 64;
const BYTES = ITEMS * 4;

function kernel(bindings: StatedBindings, body: string): Kernel {
  return itemKernel({ name: "test", profile: "software", bindings, parameters: [], items: ITEMS, body });
}

/** Doubles by way of scratch. */
const DOUBLE = [
  kernel({ input: "f32", partial: scratch("f32", BYTES) }, "  partial[item] = input[item] * 2.0;"),
  kernel({ partial: "f32", output: "f32" }, "  output[item] = partial[item];"),
];

/** Adds weights. */
const ADD = kernel(
  { input: "f32", weights: readOnly("f32"), output: "f32" },
  "  output[item] = input[item] + weights[item];",
);

function program(steps: Step[], names: readonly string[], constants: Program["constants"] = new Map()): Program {
  return { tensors: new Map(names.map((name) => [name, BYTES])), constants, steps };
}

/** Runs a plan on 0, 1, 2, ... in `input` and reads `output`. */
async function run(plan: Plan): Promise<number[]> {
  const { gpu } = await testDevice();
  const [input, output] = ["input", "output"].map(plan.tensor);
  gpu.queue.writeBuffer(input.buffer, input.offset, Float32Array.from({ length: ITEMS }, (_, index) => index));
  const staging = gpu.createBuffer({ size: BYTES, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = gpu.createCommandEncoder();
  plan.encode(encoder);
  encoder.copyBufferToBuffer(output.buffer, output.offset, staging, 0, BYTES);
  gpu.queue.submit([encoder.finish()]);
  const bytes = await readBuffer(staging);
  staging.destroy();
  return [...new Float32Array(bytes)];
}

Deno.test("createPlan() lays out what kernels declare as scratch, for each operation its own", async () => {
  const steps = [
    ...operationSteps(DOUBLE, { input: "input", output: "middle" }, "first"),
    ...operationSteps(DOUBLE, { input: "middle", output: "output" }, "second"),
  ];
  const doubled = program(steps, ["input", "middle", "output"]);
  const ends = { inputs: ["input"], outputs: ["output"] };
  const { offsets, bytes } = layOutProgram(doubled, ends);
  assertEquals([...offsets.keys()].toSorted(), ["first partial", "input", "middle", "output", "second partial"]);
  assertEquals(bytes, 2 * BYTES);
  const plan = await createPlan(await testDevice(), doubled, ends);
  assertEquals(await run(plan), Array.from({ length: ITEMS }, (_, index) => index * 4));
  plan.close();
});

Deno.test("scratch of one operation is as large as the largest that its kernels declare", () => {
  const larger = { ...DOUBLE[0], bindings: listBindings({ input: "f32", partial: scratch("f32", 4 * BYTES) }) };
  const steps = operationSteps([larger, ...DOUBLE], { input: "input", output: "output" }, "operation");
  const ends = { inputs: ["input"], outputs: [] };
  assertEquals(layOutProgram(program(steps, ["input", "output"]), ends).lowerBound, 5 * BYTES);
});

Deno.test("a binding begins at its offset in what it is bound to", async () => {
  const weights = Float32Array.from({ length: 2 * ITEMS }, (_, index) => index < ITEMS ? NaN : 100);
  const bindings = ADD.bindings.map((binding) => binding.name === "weights" ? { ...binding, offset: BYTES } : binding);
  const shifted = { ...ADD, bindings };
  const steps = [{ kernel: shifted, bindings: { input: "input", weights: "weights", output: "output" } }];
  const added = program(steps, ["input", "output"], new Map([["weights", () => weights]]));
  const plan = await createPlan(await testDevice(), added, { inputs: ["input"], outputs: ["output"] });
  const expected = Array.from({ length: ITEMS }, (_, index) => index + 100);
  assertEquals(await run(plan), expected);
  plan.close();
  const input = Float32Array.from({ length: ITEMS }, (_, index) => index);
  const { output } = await runKernels(await testDevice(), [shifted], { input, weights, output: { bytes: BYTES } });
  assertEquals([...new Float32Array(output)], expected);
});

Deno.test("createPlan() refuses what is only read in a buffer that the same kernel writes", async () => {
  const steps = [{ kernel: ADD, bindings: { input: "input", weights: "middle", output: "output" } }];
  const added = program(steps, ["input", "middle", "output"]);
  await assertRejects(
    async () => await createPlan(await testDevice(), added, { inputs: ["input", "middle"], outputs: ["output"] }),
    TypeError,
    'Cannot bind kernel "test software": "weights", which it only reads, lies in one buffer with "output", which it writes',
  );
});

Deno.test("runKernels() fills scratch that it is given no value for with NaN", async () => {
  const [, second] = DOUBLE;
  const first = { ...DOUBLE[0], workgroups: [0, 1, 1] as const };
  const input = new Float32Array(ITEMS);
  const { output } = await runKernels(await testDevice(), [first, second], { input, output: { bytes: BYTES } });
  assertEquals([...new Float32Array(output)], new Array(ITEMS).fill(NaN));
  await assertRejects(
    async () => await runKernels(await testDevice(), [second], { output: { bytes: BYTES } }),
    TypeError,
    'Cannot run test software: no value for binding "partial"',
  );
});

Deno.test("joinPrograms() and renameTensors() keep what a step is and change what it is bound to", () => {
  const [first, second] = operationSteps(DOUBLE, { input: "input", output: "output" }, "operation");
  const named: Step = { ...first, role: "doubling", exchanges: [{ name: "sum", kind: "statistics" }] };
  const constants: Program["constants"] = new Map([["table", () => new Float32Array(1)]]);
  const joined = joinPrograms([
    program(inPart("batch", [named]), ["input"], constants),
    program([second], ["output"]),
  ]);
  assertEquals(joined.tensors, new Map([["input", BYTES], ["output", BYTES]]));
  assertEquals(joined.steps, [{ ...named, part: "batch" }, second]);
  const renamed = renameTensors(joined, (name) => `other ${name}`);
  assertEquals([...renamed.tensors.keys(), ...renamed.constants.keys()], [
    "other input",
    "other output",
    "other table",
  ]);
  assertEquals(renamed.steps.map(({ bindings }) => bindings), [
    { input: "other input", output: "other output", partial: "other operation partial" },
    { input: "other input", output: "other output", partial: "other operation partial" },
  ]);
  assertEquals(renamed.steps[0].role, "doubling");
});

/** Adds what is read through a texture. */
const ADD_TEXELS = kernel(
  { input: "f32", addend: texture("f32"), output: "f32" },
  `  output[item] = input[item] + ${readTexel("addend", `(item / 4u + ${TEXTURE_WIDTH}u)`)}[item % 4u];`,
);

Deno.test("createPlan() lets kernels read constants, one of several rows, through textures of their own", async () => {
  const tested = program(
    ["first", "second", "first"].map((addend, index, { length }): Step => ({
      kernel: ADD_TEXELS,
      bindings: {
        input: index === 0 ? "input" : `sum ${index}`,
        addend,
        output: index === length - 1 ? "output" : `sum ${index + 1}`,
      },
    })),
    ["input", "sum 1", "sum 2", "output"],
    new Map([
      ["first", () => new Float32Array(ITEMS).fill(100)],
      ["second", () => new Float32Array(3 * 4 * TEXTURE_WIDTH + ITEMS).fill(1000, 0, ITEMS)],
    ]),
  );
  const plan = await createPlan(await testDevice(), tested, { inputs: ["input"], outputs: ["output"] });
  try {
    assertEquals(await run(plan), Array.from({ length: ITEMS }, (_, item) => item + 1200));
    const rowBytes = 16 * TEXTURE_WIDTH;
    assertEquals([plan.bytes.constants, plan.bytes.textures], [(2 + 5) * rowBytes, 0]);
  } finally {
    plan.close();
  }
});

Deno.test("createPlan() copies a view into its texture again once its state is written", async () => {
  const fill = (value: string) =>
    kernel({ state: "f32" }, `  state[item] = ${value}; state[${ITEMS}u + item] = ${value} + 1.0;`);
  const add = (input: string, output: string): Step => ({
    kernel: ADD_TEXELS,
    bindings: { input, addend: "second half", output },
  });
  const steps: Step[] = [
    { kernel: fill("100.0"), bindings: { state: "state" } },
    add("input", "sum"),
    { kernel: fill("1000.0"), bindings: { state: "state" } },
    add("sum", "output"),
  ];
  const tested: Program = {
    ...program(steps, ["input", "sum", "output"]),
    states: new Map([["state", 2 * BYTES]]),
    views: new Map([["second half", { state: "state", offset: BYTES, bytes: BYTES }]]),
  };
  const plan = await createPlan(await testDevice(), tested, { inputs: ["input"], outputs: ["output"] });
  try {
    assertEquals(await run(plan), Array.from({ length: ITEMS }, (_, item) => item + 1102));
  } finally {
    plan.close();
  }
});
