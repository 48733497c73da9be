import { assert } from "@std/assert";
import { NO_LOSS_SCALING } from "../../../../kernels/optimizers/prepare_step.ts";
import { lowerTraining, TARGETS, type TrainingOptions } from "../../../../kernels/programs/training/lower.ts";
import { gradientName } from "../../../../kernels/operations/shared/builder.ts";
import { createTrainingPlan } from "../../../../kernels/programs/training/training_plan.ts";
import families from "../../../fixtures/train/families.json" with { type: "json" };
import { fixtureNetworks, readFixture } from "../../networks/fixture_networks.ts";
import { padChannels, targets, testDevice } from "../../tensors.ts";
import { readFloats } from "./read_floats.ts";

const CLASSES = 24;
/** The fixture's batch is the images of `NAME.io`, times each of these. */
const REPEATS = [1, -1.25, 1.5, -1.75];

/** Smoothed labels, as the fixture's. */
function smoothedTargets(batch: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: batch * CLASSES },
    (_, index) => 0.1 / CLASSES + (index % CLASSES === Math.floor(index / CLASSES) * 5 % CLASSES ? 0.9 : 0),
  );
}

for (const name of Object.keys(families) as (keyof typeof families)[]) {
  Deno.test(`step() differentiates ${name} as PyTorch, in both profiles`, async () => {
    const device = await testDevice();
    const { loss, gradients, statistics } = families[name];
    const { parameters, input } = await readFixture(name);
    const [images, height, width] = input.shape;
    const batch = images * REPEATS.length;
    const options: TrainingOptions = {
      network: fixtureNetworks[name],
      batch,
      size: [height, width],
      loss: "crossEntropy",
      optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
      weightDecay: 0,
      excludeNorms: false,
      lossScaling: NO_LOSS_SCALING,
    };
    const largest = Math.max(...Object.values(gradients).map(([norm]) => norm));
    for (const target of targets(device).filter(({ storage }) => storage === "f32")) {
      const { input: image } = fixtureNetworks[name];
      const training = lowerTraining(options, target);
      const plan = await createTrainingPlan(device, training, options, { parameters, inputs: [image, TARGETS] });
      const write = (tensor: string, data: ArrayBufferView) => {
        const { buffer, offset } = plan.tensor(tensor);
        device.gpu.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>);
      };
      const repeated = REPEATS.flatMap((factor) => Array.from(input.data, (value) => value * factor));
      write(image, padChannels(repeated, 3, "f32"));
      write(TARGETS, smoothedTargets(batch));
      await plan.step(0);
      const off = Math.abs((await plan.read()).losses[0] / loss - 1);
      assert(off < 2e-5, `${target.profile}: the loss is ${off} off`);
      for (const [parameter, [norm, projection]] of Object.entries(gradients)) {
        const { length } = parameters.get(parameter)!.data;
        const gradient = (await readFloats(device, plan, gradientName(parameter))).subarray(0, length);
        const found = Math.hypot(...gradient);
        const projected = gradient.reduce(
          (sum, value, index) => sum + value * ((index * 37 + Math.floor(index / 7)) % 5 - 2),
          0,
        );
        // Gradients that are 0 but for rounding errors are compared with the others.
        const close = 5e-4 * Math.max(norm, 1e-3 * largest);
        const message = `${target.profile}: gradient of ${parameter}`;
        assert(Math.abs(found - norm) < close, `${message} is ${found} long, expected ${norm}`);
        assert(
          Math.abs(projected - projection) < close * 2,
          `${message} projects to ${projected}, expected ${projection}`,
        );
      }
      const state = await plan.state();
      for (const [statistic, norm] of Object.entries(statistics)) {
        const found = Math.hypot(...state.get(statistic)!.data);
        assert(Math.abs(found / norm - 1) < 1e-5, `${target.profile}: ${statistic} is ${found} long, expected ${norm}`);
      }
      plan.close();
    }
  });
}
