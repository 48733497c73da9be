/**
 * How far a training is, as a line.
 *
 * @module
 */

import { formatCount, formatDuration } from "../command/numbers.ts";
import type { TrainingProgress } from "./training_parts.ts";

/**
 * A training's state as a line.
 *
 * @param progress The state.
 * @returns `epoch 3  step 120/1,251  loss 5.123  lr 0.0989  345 images/s  waiting for data 2 %  pooling 0.04 %  12 h left`;
 *   of several ranks also `exchanging 3 %`.
 */
export function trainingLine(progress: TrainingProgress): string {
  const { epoch, step, steps, imagesLeft, loss, learningRate, imagesPerSecond, waiting, exchanging, pooling } =
    progress;
  return [
    `epoch ${epoch}`,
    `step ${formatCount(step)}/${formatCount(steps)}`,
    `loss ${loss.toFixed(3)}`,
    `lr ${learningRate.toPrecision(3)}`,
    `${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} images/s`,
    `waiting for data ${Math.round(100 * waiting)} %`,
    ...(exchanging === undefined ? [] : [`exchanging ${Math.round(100 * exchanging)} %`]),
    ...(pooling === undefined ? [] : [`pooling ${(100 * pooling).toFixed(2)} %`]),
    `${formatDuration(imagesLeft / imagesPerSecond)} left`,
  ].join("  ");
}
