/**
 * Steps of a trainer, and what they are compared with: the other profile, the same steps again, and steps from a state.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../../kernels/engine/device.ts";
import { createTrainer, type TrainerSettings } from "../../../../kernels/programs/training/trainer.ts";
import type { TrainingState } from "../../../../kernels/programs/training/training_state.ts";
import { testDevice } from "../../tensors.ts";
import { trainingBatch, withProfile } from "./batches.ts";

/** AdamW's steps are as long for rounding errors as for gradients: long ones take the profiles apart. */
const learningRate = ({ optimizer }: TrainerSettings): number => optimizer.type === "sgd" ? 0.05 : 0.005;

/** Trains some steps, from a state if one is given. */
export async function train(
  device: Device,
  settings: TrainerSettings,
  steps: { from?: number; to: number; state?: TrainingState },
): Promise<{ state: TrainingState; losses: Float32Array }> {
  const trainer = await createTrainer(device, settings);
  if (steps.state) trainer.load(steps.state);
  for (let step = steps.from ?? 0; step < steps.to; step++) {
    await trainer.step(trainingBatch(settings, step), learningRate(settings));
  }
  const { losses } = await trainer.read();
  const state = await trainer.state();
  trainer.close();
  return { state, losses };
}

/** The largest distance of any tensor, relative to its length. */
export function distance(a: TrainingState, b: TrainingState): number {
  return Math.max(
    ...a.entries().filter(([name]) => name !== "control").map(([name, { data }]) => {
      const other = b.get(name)!.data;
      const length = Math.hypot(...data);
      return length === 0 ? 0 : Math.hypot(...data.map((value, index) => value - other[index])) / length;
    }),
  );
}

/**
 * Registers the tests of a trainer's steps.
 *
 * @param name What is trained on.
 * @param settings The trainer's.
 */
export function testSteps(name: string, settings: TrainerSettings): void {
  Deno.test(`step() trains on ${name}: alike in both profiles, and with the same bits again`, async () => {
    const device = await testDevice();
    const software = await train(withProfile(device, "software"), settings, { to: 3 });
    assert(software.losses.every((loss) => Number.isFinite(loss) && loss > 0), `losses are ${software.losses}`);
    assert(distance(software.state, (await train(device, settings, { to: 0 })).state) > 1e-3, "nothing was learnt");
    const gpu = await train(withProfile(device, "gpu"), settings, { to: 3 });
    const off = distance(software.state, gpu.state);
    assert(off < 5e-3, `the profiles are ${off} apart`);
    assertEquals(await train(withProfile(device, "software"), settings, { to: 3 }), software);
  });

  Deno.test(`load() goes on from a state bit for bit: ${name}`, async () => {
    const device = await testDevice();
    const whole = await train(device, settings, { to: 4 });
    const half = await train(device, settings, { to: 2 });
    const rest = await train(device, settings, { from: 2, to: 4, state: half.state });
    assertEquals(rest.state, whole.state);
    assertEquals([...half.losses, ...rest.losses], [...whole.losses]);
  });
}
