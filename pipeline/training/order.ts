/**
 * The order in which an epoch takes its images: a permutation from seed and epoch alone, cut into batches. What is left of
 * an epoch after its last whole batch is not used in it, as in the paper's code (`drop_last`); with gradient accumulation
 * a whole number of updates is.
 *
 * @module
 */

import { permutation } from "../../formats/base/permutation.ts";
import { formatNumberOf } from "../command/numbers.ts";
import type { TrainingSettings } from "./settings.ts";

/** Epochs as batches. */
export interface Order {
  /** Steps of an epoch, a multiple of `accumulate`. */
  readonly steps: number;
  /** Steps of one epoch: the last one is shorter where a training ends after a number of updates. */
  stepsIn(epoch: number): number;
  /**
   * Which image an epoch takes at a position, as its place in the data.
   *
   * @param epoch The epoch, from 0.
   * @param position Position in the epoch, from 0; past the end the order begins anew.
   */
  at(epoch: number, position: number): number;
}

/**
 * Makes the order.
 *
 * @param options `images` that there are; of a `batch`, how many, and of an update, how many batches; the `seed`; and after
 *   how many `updates` the training ends, where its epochs do not say that.
 * @returns The order.
 * @throws {RangeError} If there are fewer images than an update takes.
 */
export function trainingOrder(
  options: {
    readonly images: number;
    readonly batch: number;
    readonly accumulate: number;
    readonly seed: number;
    readonly updates?: number;
  },
): Order {
  const { images, batch, accumulate, seed, updates = Infinity } = options;
  const steps = Math.floor(images / (batch * accumulate)) * accumulate;
  if (steps === 0) {
    const wanted = accumulate === 1 ? `a batch of ${batch}` : `${accumulate} batches of ${batch}`;
    throw new RangeError(`Cannot train: ${formatNumberOf(images, "image")} are fewer than ${wanted}`);
  }
  // Two, since batches of the next epoch are read while the last ones of this are used.
  const orders = new Map<number, Uint32Array>();
  return {
    steps,
    stepsIn: (epoch) => Math.min(steps, updates * accumulate - epoch * steps),
    at(epoch, position) {
      let order = orders.get(epoch);
      if (!order) {
        order = permutation(images, { seed, epoch });
        orders.set(epoch, order);
        if (orders.size > 2) orders.delete(Math.min(...orders.keys()));
      }
      return order[position % images];
    },
  };
}

/**
 * In how many epochs a training ends.
 *
 * @param options The training's settings.
 * @param images How many images it has.
 * @returns Its `--epochs`; where it is given `--steps`, the epochs that these updates begin.
 */
export function epochsOf(
  { epochs, steps, batch, accumulate }: Pick<TrainingSettings, "epochs" | "steps" | "batch" | "accumulate">,
  images: number,
): number {
  if (steps === undefined) return epochs;
  return Math.ceil(steps / Math.max(Math.floor(images / (batch * accumulate)), 1));
}
