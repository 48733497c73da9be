/**
 * How good logits of validation images are, where each has one label and where it may have several. Of several ranks each
 * judges its share of the images, and then all know what was found.
 *
 * @module
 */

import type { ImageClasses } from "../../formats/evaluation/mod.ts";
import { type AsymmetricFocus, asymmetricLossReference } from "../../kernels/operations/losses/asymmetric_loss.ts";
import { binaryCrossEntropyReference } from "../../kernels/operations/losses/binary_cross_entropy.ts";
import type { ClassReduction } from "../../kernels/operations/losses/independent_classes.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { joinNumbers } from "../command/shared_work.ts";
import { multiLabelScores } from "../evaluation/multi_label_scores.ts";
import { rankOf } from "../evaluation/rank.ts";
import { multiHotTargets } from "./multi_hot.ts";
import type { Evaluation } from "./summary_file.ts";

/** Someone who hears of the images of a rank's share, each once, and of no image that cannot be decoded. */
export interface Judge {
  /** Hears what is said of the image at a place of the list of those with a truth. */
  add(place: number, logits: Float32Array): void;
  /** What was found of all ranks' images; undefined if there were none. */
  finish(ranks: Communicator | undefined): Promise<Evaluation | undefined>;
}

/**
 * Judges by labels: cross-entropy, and how often the label is the best class and among the five best.
 *
 * @param labels The label of each image.
 * @returns The judge.
 */
export function judgeLabels(labels: readonly number[]): Judge {
  const sums = new Float64Array(4);
  return {
    add(place, logits) {
      const label = labels[place];
      const rank = rankOf(logits, label);
      [1, crossEntropy(logits, label), +(rank < 1), +(rank < 5)].forEach((value, at) => sums[at] += value);
    },
    async finish(ranks) {
      await ranks?.sum(sums);
      const [count, loss, top1, top5] = sums;
      return count === 0 ? undefined : { loss: loss / count, top1: 100 * top1 / count, top5: 100 * top5 / count };
    },
  };
}

/** -log softmax at the label. */
function crossEntropy(logits: Float32Array, label: number): number {
  const most = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most - logits[label];
}

/**
 * Judges by the classes that images show: mAP, F1 scores, and the loss. All logits are kept, 4 bytes per image and class.
 *
 * @param truths The classes of each image.
 * @param options Number of `classes`; the `loss` of a row is asymmetric where a focus is given, else binary cross-entropy.
 * @returns The judge.
 */
export function judgeMultiLabels(
  truths: readonly ImageClasses[],
  options: { readonly classes: number; readonly focus?: AsymmetricFocus; readonly reduction?: ClassReduction },
): Judge {
  const { classes, focus, reduction } = options;
  const own = new Map<number, Float32Array>();
  let lossSum = 0;
  return {
    add(place, logits) {
      own.set(place, logits);
      const target = multiHotTargets([truths[place]], { classes });
      const { loss } = focus
        ? asymmetricLossReference(logits, target, classes, { ...focus, reduction })
        : binaryCrossEntropyReference(logits, target, classes, reduction);
      lossSum += loss;
    },
    async finish(ranks) {
      const { length } = truths;
      const isThere = await joinNumbers(ranks, length, [...own.keys()].map((place) => [place, 1]));
      const sums = Float64Array.of(lossSum);
      await ranks?.sum(sums);
      const places = truths.keys().filter((place) => isThere[place] > 0).toArray();
      if (places.length === 0) return undefined;
      const columns: Float32Array[] = [];
      for (let label = 0; label < classes; label++) {
        // A class at a time: of all ranks' logits only what is kept anyway is in memory.
        const all = await joinNumbers(ranks, length, [...own].map(([place, logits]) => [place, logits[label]]));
        columns.push(Float32Array.from(places, (place) => all[place]));
      }
      const scores = multiLabelScores(classes, places.map((place) => truths[place]), (label) => columns[label]);
      return {
        loss: sums[0] / places.length,
        meanPrecision: 100 * scores.meanPrecision,
        classF1: 100 * scores.classF1,
        overallF1: 100 * scores.overallF1,
      };
    },
  };
}
