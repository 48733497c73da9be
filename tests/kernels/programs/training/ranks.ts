/**
 * Several trainers in one process that take each other for ranks, and what they are compared with: one trainer on all of
 * their images.
 *
 * @module
 */

import type { Device } from "../../../../kernels/engine/device.ts";
import type { Ranks } from "../../../../kernels/lowering/ranks.ts";
import {
  createTrainer,
  type Trainer,
  type TrainerSettings,
  type TrainingBatch,
} from "../../../../kernels/programs/training/trainer.ts";
import type { TrainingState } from "../../../../kernels/programs/training/training_state.ts";

/** Ranks that add up, in their order, when all of them have called. */
export function createRanks(size: number): (Ranks & { readonly calls: number[] })[] {
  interface Round {
    readonly data: Map<number, Float32Array>;
    readonly done: PromiseWithResolvers<void>;
  }
  const rounds: Round[] = [];
  return Array.from({ length: size }, (_, rank) => {
    const calls: number[] = [];
    return {
      rank,
      size,
      calls,
      sum(data) {
        const { data: given, done } = rounds[calls.length] ??= { data: new Map(), done: Promise.withResolvers() };
        calls.push(data.length);
        given.set(rank, data);
        if (given.size === size) {
          const sum = new Float32Array(data.length);
          for (let other = 0; other < size; other++) given.get(other)!.forEach((value, at) => sum[at] += value);
          for (const numbers of given.values()) numbers.set(sum);
          given.clear();
          done.resolve();
        }
        return done.promise;
      },
    };
  });
}

/** A batch's images from `start` to before `end`, with all that there is of each. */
export function partOfBatch(batch: TrainingBatch, start: number, end: number): TrainingBatch {
  const { images, samples, mix, seeds, labels, targets } = batch;
  const classes = targets!.length / images.length;
  return {
    images: images.slice(start, end),
    samples: samples.slice(start, end),
    mix,
    seeds: seeds.slice(start, end),
    labels: labels!.slice(start, end),
    targets: targets!.slice(start * classes, end * classes),
  };
}

/** What each rank has after some steps. */
export interface Trained {
  readonly state: TrainingState;
  readonly losses: Float32Array;
  readonly checksum: number;
  /** Numbers of each call of `sum`. */
  readonly calls: readonly number[];
}

/**
 * Trains as several ranks, each on its stretch of every batch.
 *
 * @param devices Of each rank: where.
 * @param settings Of one trainer on the whole batch.
 * @param batches The whole batches.
 * @param learningRate Of all steps.
 * @returns What each rank has in the end.
 */
export async function trainTogether(
  devices: readonly Device[],
  settings: TrainerSettings,
  batches: readonly TrainingBatch[],
  learningRate: number,
): Promise<Trained[]> {
  const ranks = createRanks(devices.length);
  const batch = settings.batch / devices.length;
  const trainers: Trainer[] = [];
  for (const [rank, device] of devices.entries()) {
    trainers.push(await createTrainer(device, { ...settings, batch, ranks: ranks[rank] }));
  }
  for (const whole of batches) {
    await Promise.all(
      trainers.map((trainer, rank) => trainer.step(partOfBatch(whole, rank * batch, (rank + 1) * batch), learningRate)),
    );
  }
  const results: Trained[] = [];
  for (const [rank, trainer] of trainers.entries()) {
    const { losses } = await trainer.read();
    results.push({
      state: await trainer.state(),
      losses,
      checksum: await trainer.checksum(),
      calls: ranks[rank].calls,
    });
    trainer.close();
  }
  return results;
}
