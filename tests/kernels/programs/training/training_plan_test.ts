import { assert, assertEquals, assertThrows } from "@std/assert";
import { lowerTraining, TARGETS } from "../../../../kernels/programs/training/lower.ts";
import { gradientName } from "../../../../kernels/operations/shared/builder.ts";
import { createTrainingPlan, type TrainingPlan } from "../../../../kernels/programs/training/training_plan.ts";
import type { Device } from "../../../../kernels/engine/device.ts";
import type { Target } from "../../../../kernels/operations/shared/tensor.ts";
import { readFloats } from "./read_floats.ts";
import { padChannels, targets, testDevice } from "../../tensors.ts";
import { readTrainingCase, trainingCases, type TrainingFixture } from "./fixture.ts";

/** The distance between two tensors over the length of the one that is expected, or over `least` where that is longer. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>, least: number): number {
  const distance = norm(Float64Array.from(expected, (value, index) => actual[index] - value));
  return distance / Math.max(norm(expected), least);
}

/**
 * The elements that can be compared: of a first gradient that is only rounding errors Adam makes a step as long as of any
 * other. `resnet_basic.adamp` has one such among 25,592, with 3.4e-8 where others have 0.1; PyTorch does not repeat it. So
 * have all biases of keys, which no softmax depends on: some are 0 for PyTorch or here, and not for the other.
 *
 * @param first The gradient of the first step here.
 */
function comparable(
  fixture: TrainingFixture,
  parameter: string,
  first: Float32Array | undefined,
): (values: ArrayLike<number>) => Float32Array {
  const gradient = fixture.gradients.get(parameter);
  if (fixture.options.optimizer.type === "sgd" || !gradient || !first) return (values) => Float32Array.from(values);
  const least = 1e-6 * Math.max(...gradient.map(Math.abs));
  const isZero = (index: number) => gradient[index] === 0 && first[index] === 0;
  return (values) =>
    Float32Array.from(values).filter((_, index) => isZero(index) || Math.abs(gradient[index]) >= least);
}

function norm(values: ArrayLike<number>): number {
  return Math.hypot(...Array.from(values));
}

async function prepare(device: Device, fixture: TrainingFixture, target: Target): Promise<TrainingPlan> {
  const { options, parameters } = fixture;
  const training = lowerTraining(options, target);
  return await createTrainingPlan(device, training, options, {
    parameters,
    inputs: [options.network.input, TARGETS],
  });
}

function upload(device: Device, plan: TrainingPlan, fixture: TrainingFixture, step: number, target: Target): void {
  const { input, targets } = fixture.steps[step];
  const write = (name: string, data: Float32Array | Float16Array) => {
    const { buffer, offset } = plan.tensor(name);
    device.gpu.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>);
  };
  write(fixture.options.network.input, padChannels(input, 3, target.storage));
  const { outputChannels: classes } = fixture.options.network.classifier;
  write(TARGETS, padChannels(targets, classes, "f32"));
}

for (const name of trainingCases) {
  Deno.test(`step() trains ${name} as PyTorch, in both profiles`, async () => {
    const device = await testDevice();
    const fixture = await readTrainingCase(name);
    for (const target of targets(device).filter(({ storage }) => storage === "f32")) {
      const plan = await prepare(device, fixture, target);
      const first = new Map<string, Float32Array>();
      for (let step = 0; step < fixture.steps.length; step++) {
        upload(device, plan, fixture, step, target);
        await plan.step(fixture.learningRate);
        if (step > 0) continue;
        // The gradient of a bias whose effect a later batch norm takes away is 0, but for rounding errors of the others.
        const least = 1e-3 * Math.max(...fixture.gradients.values().map(norm));
        for (const [parameter, expected] of fixture.gradients) {
          const actual = await readFloats(device, plan, gradientName(parameter));
          first.set(parameter, actual);
          const off = difference(actual, expected, least);
          assert(off < 2e-4, `${target.profile}: gradient of ${parameter} is ${off} off`);
        }
      }
      const { losses, control } = await plan.read();
      assertEquals(control.step, fixture.steps.length);
      fixture.steps.forEach(({ loss }, step) => {
        const off = Math.abs(losses[step] / loss - 1);
        assert(off < 2e-4, `${target.profile}: loss ${step} is ${losses[step]}, expected ${loss}`);
      });
      const state = await plan.state();
      for (const [parameter, expected] of fixture.final) {
        const compared = comparable(fixture, parameter, first.get(parameter));
        const off = difference(compared(state.get(parameter)!.data), compared(expected), 0);
        assert(off < 2e-4, `${target.profile}: ${parameter} is ${off} off after the steps`);
      }
      const { arena, arenaLowerBound } = plan.bytes;
      assert(
        arena <= 1.15 * arenaLowerBound,
        `the arena of ${arena} bytes exceeds ${arenaLowerBound} by more than 15 %`,
      );
      plan.close();
    }
  });
}

Deno.test("lowerTraining() refuses a parameter that two operations read", async () => {
  const { options } = await readTrainingCase("resnet_basic.sgd");
  const { network } = options;
  const norms = network.operations.filter((operation) => operation.type === "batchNorm");
  const [first, second] = [...Map.groupBy(norms, ({ channels }) => channels).values()].find(({ length }) =>
    length > 1
  )!;
  const operations = network.operations.map((operation) =>
    operation === second ? { ...second, parameters: first.parameters } : operation
  );
  assertThrows(
    () => lowerTraining({ ...options, network: { ...network, operations } }, { profile: "software", storage: "f32" }),
    TypeError,
    `parameter "${first.parameters}.weight" is read for "${first.output}" and for "${second.output}"`,
  );
});
