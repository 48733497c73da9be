/** What PyTorch makes of three steps stands in `tests/fixtures/train/hierarchical.json`; see `hierarchical_steps.py`. */

import { assert, assertEquals } from "@std/assert";
import { NO_LOSS_SCALING } from "../../../../kernels/optimizers/prepare_step.ts";
import { lowerTraining, TARGETS, type TrainingOptions } from "../../../../kernels/programs/training/lower.ts";
import { createTrainingPlan } from "../../../../kernels/programs/training/training_plan.ts";
import hierarchical from "../../../fixtures/train/hierarchical.json" with { type: "json" };
import { formulaImage, formulaParameters } from "../../networks/formula_parameters.ts";
import { hierarchicalNetworks } from "../../networks/hierarchical_networks.ts";
import { padChannels, testDevice } from "../../tensors.ts";

const CLASSES = 8;
const FACTORS = [1, -1.25, 1.5, -1.75];

const targets = Float32Array.from(
  { length: FACTORS.length * CLASSES },
  (_, index) => 0.1 / CLASSES + (index % CLASSES === Math.floor(index / CLASSES) * 5 % CLASSES ? 0.9 : 0),
);

interface Expected {
  readonly size: number[];
  /** The learning rate. */
  readonly rate: number;
  readonly losses: number[];
  /** Length and a projection. */
  readonly changes: Readonly<Record<string, number[]>>;
}

function lengthOf(vector: Float32Array | Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

for (const [name, expected] of Object.entries(hierarchical as Record<string, Expected>)) {
  Deno.test(`three steps of ${name} change every parameter as PyTorch's`, async () => {
    const device = await testDevice();
    const [height, width] = expected.size;
    const network = hierarchicalNetworks[name]([height, width]);
    const parameters = formulaParameters(network);
    const options: TrainingOptions = {
      network,
      batch: FACTORS.length,
      size: [height, width],
      loss: "crossEntropy",
      optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
      weightDecay: 0,
      excludeNorms: false,
      lossScaling: NO_LOSS_SCALING,
    };
    const training = lowerTraining(options, { profile: "software", storage: "f32" });
    const plan = await createTrainingPlan(device, training, options, { parameters, inputs: [network.input, TARGETS] });
    const { data } = formulaImage(height, width);
    const images = FACTORS.flatMap((factor) => Array.from(data, (value) => value * factor));
    const inputs = { [network.input]: padChannels(images, 3, "f32"), [TARGETS]: targets };
    for (let step = 0; step < expected.losses.length; step++) {
      for (const [tensor, values] of Object.entries(inputs)) {
        const { buffer, offset } = plan.tensor(tensor);
        device.gpu.queue.writeBuffer(buffer, offset, values as Float32Array<ArrayBuffer>);
      }
      await plan.step(expected.rate);
    }
    const { losses } = await plan.read();
    expected.losses.forEach((loss, step) => {
      const off = Math.abs(losses[step] / loss - 1);
      assert(off < 2e-5, `The loss of step ${step} is ${off} off`);
    });
    const state = await plan.state();
    const largest = Math.max(...Object.values(expected.changes).map(([norm]) => norm));
    assertEquals(Object.keys(expected.changes).filter((parameter) => !state.has(parameter)), []);
    for (const [parameter, [norm, projection]] of Object.entries(expected.changes)) {
      const before = parameters.get(parameter)!.data;
      const change = Float64Array.from(before, (value, index) => state.get(parameter)!.data[index] - value);
      const found = lengthOf(change);
      const projected = change.reduce(
        (sum, value, index) => sum + value * ((index * 37 + Math.floor(index / 7)) % 5 - 2),
        0,
      );
      // Small changes are compared with the others, whose errors they have, and with the last digit of what is changed.
      const close = 1e-3 * Math.max(norm, 1e-2 * largest) + 2 ** -22 * lengthOf(before);
      assert(Math.abs(found - norm) < close, `${parameter} changes by ${found}, expected ${norm}`);
      assert(
        Math.abs(projected - projection) < 2 * close,
        `The change of ${parameter} projects to ${projected}, expected ${projection}`,
      );
    }
    plan.close();
  });
}
