import { assertEquals } from "@std/assert";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { countMultiplyAdds } from "../../../kernels/networks/multiply_adds.ts";
import { gradientPasses } from "../../../kernels/lowering/add_work.ts";
import { lowerNetwork } from "../../../kernels/lowering/lower_network.ts";
import { type Operation, ruleOf } from "../../../kernels/operations/mod.ts";
import { inferShapes } from "../../../kernels/operations/network.ts";
import { NO_LOSS_SCALING } from "../../../kernels/optimizers/prepare_step.ts";
import { lowerTraining } from "../../../kernels/programs/training/lower.ts";
import type { Step } from "../../../kernels/engine/program.ts";

/** Products that steps add up: those that work together say the same. */
function productsOf(steps: readonly Step[]): number {
  return [...new Set(steps.map(({ work }) => work))].reduce((sum, work) => sum + (work?.multiplyAdds ?? 0), 0);
}

const NETWORKS = [["resnet18", 64], ["efficientnet_b0", 64], ["vit_tiny_patch16_224", 224], [
  "convnext_atto",
  64,
]] as const;

for (const [name, side] of NETWORKS) {
  Deno.test(`the steps of ${name} say all of its products, whatever was fused, for each image of a batch`, () => {
    const size = [side, side] as const;
    const network = buildNetwork(name, { classes: 10, size });
    for (const profile of ["gpu", "software"] as const) {
      const options = { batch: 3, size, head: "pooled", profile, storage: "f32" } as const;
      const { steps } = lowerNetwork(network, undefined, options);
      assertEquals(productsOf(steps), 3 * countMultiplyAdds(network, size));
    }
  });
}

Deno.test("a training step has three times a network's products, less those of the image's gradient", () => {
  const size = [32, 32] as const;
  const network = buildNetwork("resnet8", { classes: 10, size });
  const { steps } = lowerTraining({
    ...{ network, batch: 2, size, weightDecay: 0, excludeNorms: false, lossScaling: NO_LOSS_SCALING },
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
  }, { profile: "gpu", storage: "f32" });
  const [first] = network.operations;
  const shapes = inferShapes([first], { name: network.input, shape: [2, ...size, 3] });
  const ofImage = ruleOf(first).multiplyAdds!(first, (tensor) => shapes.get(tensor)!);
  assertEquals(productsOf(steps), 3 * 2 * countMultiplyAdds(network, size) - ofImage);
});

Deno.test("gradientPasses() counts a pass for each factor of a product whose gradient is wanted", () => {
  const convolution = buildNetwork("resnet8", { classes: 10 }).operations[0];
  const attention: Operation = buildNetwork("vit_tiny_patch16_224", { classes: 10 }).operations
    .find(({ type }) => type === "attention")!;
  const some = [{ tensor: "input", gradient: "input gradient" }];
  assertEquals([gradientPasses(convolution, []), gradientPasses(convolution, some)], [1, 2]);
  assertEquals([gradientPasses(attention, []), gradientPasses(attention, some)], [0, 2]);
});
