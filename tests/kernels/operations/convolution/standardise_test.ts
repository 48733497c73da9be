import { assertAlmostEquals, assertThrows } from "@std/assert";
import { standardisedWeights } from "../../../../kernels/operations/convolution/standardise.ts";
import { NO_LOSS_SCALING } from "../../../../kernels/optimizers/prepare_step.ts";
import { buildNetwork } from "../../../../kernels/networks/mod.ts";
import { lowerTraining } from "../../../../kernels/programs/training/lower.ts";

Deno.test("standardisedWeights() gives each output channel mean 0 and its own deviation", () => {
  // Two channels of 2 x 1 x 2 weights: variances 5 and 0.
  const weights = standardisedWeights([1, 3, 5, 7, 2, 2, 2, 2], 2, { epsilon: 4, factor: 0.5 }, [6, 8]);
  const expected = [-3, -1, 1, 3].map((value) => value * 0.5 * 6 / Math.sqrt(5 + 4));
  [...expected, 0, 0, 0, 0].forEach((value, index) => assertAlmostEquals(weights[index], value, 1e-6));
  const plain = standardisedWeights([1, 3, 5, 7], 1, { epsilon: 0 });
  assertAlmostEquals(plain[3], 3 / Math.sqrt(5), 1e-6);
});

Deno.test("lowerTraining() refuses a network whose weights are standardised", () => {
  for (const [name, layer] of [["test_nfnet", "stem.conv1"], ["resnetv2_50x1_bit", "stem.conv"]]) {
    const network = buildNetwork(name, { classes: 10 });
    const options = {
      network,
      batch: 1,
      size: [64, 64] as const,
      loss: "crossEntropy" as const,
      optimizer: { type: "sgd" as const, momentum: 0.9, nesterov: false },
      weightDecay: 0,
      excludeNorms: false,
      lossScaling: NO_LOSS_SCALING,
    };
    assertThrows(
      () => lowerTraining(options, { profile: "software", storage: "f32" }),
      TypeError,
      `Cannot train "${layer}": its weights are standardised, which is only there for annotating`,
    );
  }
});
