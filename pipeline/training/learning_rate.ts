/**
 * The learning rate of each update.
 *
 * @module
 */

import { cosineRate, stepRate } from "../../kernels/optimizers/schedule.ts";
import type { TrainingSettings } from "./settings.ts";

/** The share of the rate that the warm-up begins with: 1e-5 of 0.1, as in timm. */
const WARMUP_START = 1e-4;

/**
 * Makes the schedule.
 *
 * @param options The training's.
 * @param updates Updates in an epoch.
 * @returns The rate of an update, counted from 0 over all epochs.
 */
export function learningRates(
  options: Pick<
    TrainingSettings,
    "lr" | "schedule" | "epochs" | "steps" | "warmupEpochs" | "stepEpochs" | "stepFactor"
  >,
  updates: number,
): (update: number) => number {
  const { lr, schedule, epochs, steps, warmupEpochs, stepEpochs, stepFactor } = options;
  const warmup = { warmup: warmupEpochs * updates, warmupStart: lr * WARMUP_START, warmupFirst: false };
  if (schedule === "step") {
    const every = stepEpochs * updates;
    return (update) => stepRate(update, { base: lr, every, factor: stepFactor, ...warmup });
  }
  const duration = steps ?? epochs * updates;
  return (update) => cosineRate(update, { base: lr, least: 0, duration, ...warmup });
}
