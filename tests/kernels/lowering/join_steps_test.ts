import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Kernel, readOnly } from "../../../kernels/engine/kernel.ts";
import type { Step } from "../../../kernels/engine/program.ts";
import { runKernels } from "../../../kernels/engine/run.ts";
import { joinSteps } from "../../../kernels/lowering/join_steps.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { convolutionFilterGradientKernels } from "../../../kernels/operations/convolution/filter_gradient.ts";
import { convolutionShape } from "../../../kernels/operations/convolution/shape.ts";
import { joinKernels, mostJoined } from "../../../kernels/operations/shared/join_kernels.ts";
import { itemKernel } from "../../../kernels/operations/shared/tensor.ts";
import { NO_LOSS_SCALING } from "../../../kernels/optimizers/prepare_step.ts";
import { lowerTraining } from "../../../kernels/programs/training/lower.ts";
import { randomValues, testDevice } from "../tensors.ts";

/** The pass that adds up the partial filter gradients of a convolution of 3 x 3 with so many runs. */
function sumKernel(channels: number, batch: number): Kernel {
  const shape = convolutionShape([batch, 12, 12, channels], {
    outputChannels: channels + 3,
    kernel: [3, 3],
    stride: [1, 1],
    padding: "same",
    groups: 1,
  });
  return convolutionFilterGradientKernels(shape, { profile: "gpu", storage: "f32" })[1];
}

/** Adds an item to what is there; `scale` makes another text. */
function addKernel(scale = 1): Kernel {
  return itemKernel({
    name: `add ${scale}`,
    profile: "gpu",
    joinable: true,
    bindings: { source: readOnly("f32"), sum: "f32" },
    parameters: [],
    items: 4,
    body: `  sum[item] = ${scale}.0 * source[item];`,
  });
}

function add(source: string, sum: string, scale = 1): Step {
  return { kernel: addKernel(scale), bindings: { source, sum } };
}

/** What each step writes. */
function written(steps: readonly Step[]): string[][] {
  return steps.map(({ bindings }) =>
    Object.entries(bindings).filter(([name]) => name.startsWith("sum")).map(([, to]) => to)
  );
}

Deno.test("joinKernels() gives the bits of each kernel by itself", async () => {
  const device = await testDevice();
  const kernels = [sumKernel(5, 3), sumKernel(16, 2), sumKernel(3, 7), sumKernel(8, 1)];
  const values = kernels.map(({ parameters, bindings }, index) => {
    const of = (name: string) => parameters.find((parameter) => parameter.name === name)!.value;
    const bytes = of("taps") * of("inputs") * of("mergedOutputs") * 4;
    const partial = Float32Array.from(randomValues(of("runs") * of("items") * 4, index));
    assertEquals(bindings.map(({ name }) => name).toSorted(), ["filterGradient", "partial"]);
    return { partial, filterGradient: { bytes } };
  });
  assert(new Set(kernels.map(({ parameters }) => parameters.find(({ name }) => name === "runs")!.value)).size > 2);
  for (const count of [2, 3, mostJoined(kernels[0])]) {
    const together = values.slice(0, count).flatMap((value, index) =>
      Object.entries(value).map(([name, own]) => [`${name}_${index}`, own])
    );
    const joined = await runKernels(device, [joinKernels(kernels.slice(0, count))], Object.fromEntries(together));
    for (let index = 0; index < count; index++) {
      const { filterGradient } = await runKernels(device, [kernels[index]], values[index]);
      assertEquals(new Uint8Array(joined[`filterGradient_${index}`]), new Uint8Array(filterGradient));
    }
  }
});

Deno.test("joinKernels() refuses kernels of other texts", () => {
  assertThrows(() => joinKernels([addKernel(1), addKernel(2)]), TypeError, 'Cannot join "add 1 gpu", "add 2 gpu"');
});

Deno.test("joinSteps() joins as many steps of one text as have bindings enough, and keeps others apart", () => {
  const steps = ["a", "b", "c", "d", "e"].map((name) => add(`${name} source`, name));
  assertEquals(written(joinSteps([...steps, add("f source", "f", 2)])), [["a", "b", "c", "d"], ["e"], ["f"]]);
});

Deno.test("joinSteps() has a step run before another one that reads or writes what it touches", () => {
  assertEquals(written(joinSteps([add("x", "a"), add("y", "b"), add("a", "c")])), [["a", "b"], ["c"]]);
  assertEquals(written(joinSteps([add("x", "a"), add("y", "x")])), [["a"], ["x"]]);
  assertEquals(written(joinSteps([add("x", "a"), add("y", "a")])), [["a"], ["a"]]);
  assertEquals(written(joinSteps([add("x", "a"), add("x", "b")])), [["a", "b"]]);
  const views = new Map(["a", "b"].map((name) => [name, { state: "flat", offset: 0, bytes: 16 }]));
  assertEquals(written(joinSteps([add("x", "a"), add("flat", "c")], views)), [["a"], ["c"]]);
  assertEquals(written(joinSteps([add("x", "a"), add("y", "b")], views)), [["a", "b"]]);
});

Deno.test("joinSteps() has a step run before an exchange of what it writes", () => {
  const exchanged: Step = { ...add("y", "b"), exchanges: [{ name: "a", kind: "statistics" }] };
  assertEquals(written(joinSteps([add("x", "a"), exchanged, add("z", "c")])), [["a"], ["b"], ["c"]]);
});

Deno.test("a training step of ResNet-50 makes its 54 filter gradients of partial sums in 14 dispatches, of 476 in all", () => {
  const { steps } = lowerTraining({
    ...{ network: buildNetwork("resnet50", { classes: 1000 }), batch: 64, size: [224, 224], weightDecay: 0 },
    ...{ excludeNorms: false, lossScaling: NO_LOSS_SCALING, loss: "crossEntropy" },
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
  }, { profile: "gpu", storage: "f32" });
  const sums = steps.filter(({ kernel: { name } }) => name.startsWith("convolution filter gradient sum"));
  assertEquals(sums.flatMap(({ kernel: { bindings } }) => bindings).length, 2 * 54);
  assertEquals(sums.length, 14);
  // A quarter less than the 635 before sums waited for each other and moments went with convolutions.
  assert(steps.length <= 476, `${steps.length} dispatches`);
});
