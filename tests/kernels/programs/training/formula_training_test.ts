/** What three steps of PyTorch give stands in `formula_training.tsv`, whose columns `formula_training.py` explains. */

import { assert } from "@std/assert";
import { buildNetwork } from "../../../../kernels/networks/mod.ts";
import { NO_LOSS_SCALING } from "../../../../kernels/optimizers/prepare_step.ts";
import { lowerTraining, TARGETS, type TrainingOptions } from "../../../../kernels/programs/training/lower.ts";
import { createTrainingPlan } from "../../../../kernels/programs/training/training_plan.ts";
import { classes, formulaMembers } from "../../networks/formula_members.ts";
import { formulaParameter, formulaParameters } from "../../networks/formula_parameters.ts";
import { fromNCHW } from "../../networks/reference.ts";
import { padChannels, testDevice } from "../../tensors.ts";

const file = new URL("../../networks/fixtures/formula_training.tsv", import.meta.url);

for (const line of Deno.readTextFileSync(file).trimEnd().split("\n")) {
  const [name, size, images, learningRate, losses, tensors] = line.split("\t");
  Deno.test(`step() trains ${name} of formulas as PyTorch`, async () => {
    const device = await testDevice();
    const [height, width] = size.split("x").map(Number) as [number, number];
    const batch = Number(images);
    const network = Object.hasOwn(formulaMembers, name)
      ? formulaMembers[name]
      : buildNetwork(name, { classes, size: [height, width] });
    const options: TrainingOptions = {
      network,
      batch,
      size: [height, width],
      loss: "crossEntropy",
      optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
      weightDecay: 1e-4,
      excludeNorms: false,
      lossScaling: NO_LOSS_SCALING,
    };
    const training = lowerTraining(options, { profile: "software", storage: "f32" });
    const parameters = formulaParameters(network);
    const plan = await createTrainingPlan(device, training, options, { parameters, inputs: [network.input, TARGETS] });
    const write = (tensor: string, values: number[] | Float32Array, channels: number) => {
      const { buffer, offset } = plan.tensor(tensor);
      device.gpu.queue.writeBuffer(buffer, offset, padChannels(values, channels, "f32"));
    };
    const targets = Array.from(
      { length: batch * classes },
      (_, index) => 0.1 / classes + (index % classes === Math.floor(index / classes) * 5 % classes ? 0.9 : 0),
    );
    for (let step = 0; step < 3; step++) {
      write(network.input, fromNCHW(formulaParameter(`image${step}`, [batch, 3, height, width], 2)).data, 3);
      write(TARGETS, targets, classes);
      await plan.step(Number(learningRate));
    }
    const { losses: computed } = await plan.read();
    losses.split(" ").map(Number).forEach((loss, step) => {
      assert(Math.abs(computed[step] / loss - 1) < 2e-4, `loss ${step} is ${computed[step]}, expected ${loss}`);
    });
    const state = await plan.state();
    for (const tensor of tensors.split(" ")) {
      const [parameter, numbers] = tensor.split("=");
      const [length, product] = numbers.split(",").map(Number);
      const { data } = state.get(parameter)!;
      const found = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0));
      const off = Math.abs(found / length - 1);
      assert(off < 2e-4, `${parameter} is ${off} longer or shorter after the steps`);
      const projected = data.reduce(
        (sum, value, index) => sum + value * ((37 * index + Math.floor(index / 7)) % 5 - 2),
        0,
      );
      // Errors of a length e, in any direction, make one of e times the square root of 2 in the product.
      const turned = Math.abs(projected - product) / (Math.SQRT2 * length);
      assert(turned < 2e-4, `${parameter} is ${turned} off after the steps`);
    }
    plan.close();
  });
}
